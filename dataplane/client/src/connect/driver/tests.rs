use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use plenum_wire::directory::{Denial, DirectoryProblem, LOOKUP_PATH, LookupRequest};
use tokio::net::TcpListener;

use super::super::doors::exits;
use super::super::places::Place;
use super::*;
use crate::proxy::ProxySettings;

fn question(meeting: &MeetingId) -> Question {
    Question {
        request: LookupRequest {
            meeting: meeting.clone(),
            passcode: None,
            name: None,
            waiting: None,
            begin_in: None,
        },
        bearer: None,
    }
}

#[tokio::test]
async fn nothing_is_kept_of_questions_that_were_answered() {
    let (network, proxy) = (Network::new(None).unwrap(), ProxySettings::default());
    let exits = exits(&proxy);
    let doors = Doors::new(&network, &proxy, &exits, None);
    let meeting: MeetingId = "4711".parse().unwrap();
    // Nobody is there, which is an answer.
    let directories = ["https://127.0.0.1:1".parse().unwrap()];
    let question = question(&meeting);
    let request = JoinRequest::default();
    let mut driver = Driver::new(doors, &meeting, &directories, &question, request);
    for number in 0..20 {
        driver.look_up(Attempt(number), 0, Out(0), question.request.clone());
        assert_eq!(driver.answered().await.attempt(), Attempt(number));
    }
    assert!(driver.running.is_empty(), "{} kept", driver.running.len());
}

/// A directory that has everybody wait for a host.
async fn directory() -> Url {
    let answer = || async {
        let problem = DirectoryProblem {
            waiting: Some("proof".to_owned()),
            ..DirectoryProblem::new(Denial::WaitingForHost, "")
        };
        (StatusCode::FORBIDDEN, Json(problem))
    };
    let app = Router::new().route(LOOKUP_PATH, post(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url.parse().unwrap()
}

/// Something that has a page for everybody, and how often it was asked for one.
async fn portal() -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let page = {
        let asked = Arc::clone(&asked);
        async move || {
            asked.fetch_add(1, Ordering::SeqCst);
            "sign in"
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(page);
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, asked)
}

/// Nothing times out while this is kept, however slow the machine is.
fn stop_the_clock() -> std::sync::mpsc::Sender<()> {
    tokio::time::pause();
    let (go_on, stopped) = std::sync::mpsc::channel();
    // The clock stands still for whatever blocks.
    tokio::task::spawn_blocking(move || stopped.recv());
    go_on
}

/// Runs to the end. Time passes only where nobody has to answer.
async fn run(driver: Driver<'_>, setting: Setting) -> Result<Arrived, JoinError> {
    let _stopped = stop_the_clock();
    let tell = driver.tell.clone();
    let pass_time = async {
        loop {
            // The driver has one itself.
            let asked = tell.strong_count() > 2;
            if !asked && tell.capacity() == INBOX {
                tokio::time::advance(Duration::from_millis(10)).await;
            }
            tokio::task::yield_now().await;
        }
    };
    let (waiting, _) = watch::channel(None);
    tokio::select! {
        arrived = driver.run(setting, &waiting) => arrived,
        () = pass_time => unreachable!("it has no end"),
    }
}

#[tokio::test]
async fn each_network_test_sees_for_itself_whether_the_network_wants_a_sign_in() {
    let (network, proxy) = (Network::new(None).unwrap(), ProxySettings::default());
    let exits = exits(&proxy);
    let doors = Doors::new(&network, &proxy, &exits, None);
    let meeting: MeetingId = "4711".parse().unwrap();
    let question = question(&meeting);
    let (url, asked) = portal().await;
    let zone = Place {
        controllers: vec![url],
        ..Place::default()
    };
    let setting = Setting {
        meeting: meeting.clone(),
        directories: Vec::new(),
        outs: exits.len(),
        known: Some(Places {
            zones: vec![zone; 2],
            ..Places::default()
        }),
        back: None,
        avoid: None,
        admission: None,
        within: Duration::from_secs(120),
        patience: Duration::ZERO,
        seed: 1,
    };
    let driver = Driver::new(doors, &meeting, &[], &question, JoinRequest::default());
    let error = run(driver, setting).await.err().unwrap();
    assert!(matches!(error, JoinError::CaptivePortal { .. }), "{error}");
    // Three tests in a row have to show it, and both zones of one are the same server.
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn who_is_stopped_in_a_waiting_room_keeps_what_proves_who_knocked() {
    let (network, proxy) = (Network::new(None).unwrap(), ProxySettings::default());
    let exits = exits(&proxy);
    let doors = Doors::new(&network, &proxy, &exits, None);
    let meeting: MeetingId = "4711".parse().unwrap();
    let directories = [directory().await];
    let question = question(&meeting);
    let request = JoinRequest::default();
    let driver = Driver::new(doors, &meeting, &directories, &question, request);
    let setting = Setting {
        meeting: meeting.clone(),
        directories: vec![directories[0].to_string()],
        outs: exits.len(),
        known: None,
        back: None,
        avoid: None,
        admission: None,
        within: Duration::from_secs(120),
        patience: Duration::from_secs(120),
        seed: 1,
    };
    let (tell, mut told) = watch::channel(None);
    tokio::select! {
        arrived = driver.run(setting, &tell) => panic!("{:?}", arrived.map(|it| it.found)),
        _ = told.wait_for(Option::is_some) => {}
    }
    let admission = Some("proof".to_owned());
    assert_eq!(*told.borrow(), Some(Waiting { admission }));
}
