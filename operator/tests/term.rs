//! What becomes of the lead when the API server does not answer, or work does not end, or ends by
//! itself. The clock is moved, so that hours pass at once.

// The lint knows #[test] functions, not the helpers of a test.
#![allow(clippy::unwrap_used)]

mod api_server;

use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, ObjectReference};
use kube::Api;
use kube::api::{ListParams, WatchParams};
use plenum_operator::events::{EventType, Events};
use plenum_operator::lease::{Candidate, FIRST_PAUSE, GRACE, LEASE_DURATION, LONGEST_PAUSE};
use plenum_operator::metrics::Metrics;
use plenum_operator::requests::{ANSWER_TIMEOUT, WATCH_TIMEOUT};
use plenum_operator::term;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use api_server::ApiServer;

const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/n/leases/l";

fn candidate(server: &ApiServer, identity: &str) -> Candidate {
    Candidate::new(server.client(), "n", "l", identity)
}

fn holder(server: &ApiServer) -> Option<String> {
    let lease = server.object(LEASE)?;
    lease["spec"]["holderIdentity"].as_str().map(str::to_owned)
}

#[tokio::test(start_paused = true)]
async fn a_read_that_is_not_answered_ends_and_says_what_it_was() {
    let server = ApiServer::new(&[]);
    server.be_deaf_to(Some("/api/v1/nodes"));
    let nodes: Api<Node> = Api::all(server.client());
    let asked = Instant::now();
    let error = nodes.list(&ListParams::default()).await.unwrap_err();
    assert_eq!(asked.elapsed().as_secs(), ANSWER_TIMEOUT.as_secs());
    assert!(error.to_string().contains("GET /api/v1/nodes"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_watch_has_to_begin_but_not_to_end() {
    let server = ApiServer::new(&[]);
    let nodes: Api<Node> = Api::all(server.client());
    let hours = Duration::from_hours(5);
    let watch = nodes.watch(&WatchParams::default(), "0").await.unwrap();
    let next = timeout(hours, futures_util::StreamExt::into_future(Box::pin(watch)));
    assert!(next.await.is_err(), "a silent watch is kept");

    server.be_deaf_to(Some("/api/v1/nodes"));
    let asked = Instant::now();
    let refused = nodes.watch(&WatchParams::default(), "0").await;
    assert!(refused.is_err());
    assert_eq!(asked.elapsed().as_secs(), WATCH_TIMEOUT.as_secs());
}

#[tokio::test(start_paused = true)]
async fn an_event_that_cannot_be_written_holds_nothing_up_for_long() {
    let server = ApiServer::new(&[]);
    server.be_deaf_to(Some("events"));
    let events = Events::new(server.client(), "me");
    let asked = Instant::now();
    let about = ObjectReference::default();
    events
        .publish(
            EventType::Normal,
            &about,
            None,
            ("Reason", "Action"),
            "note",
        )
        .await;
    assert!(asked.elapsed() <= ANSWER_TIMEOUT + Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_lost_term_is_not_renewed_though_its_work_does_not_end() {
    let server = ApiServer::new(&[]);
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let me = candidate(&server, "me");
    let (begun, mut terms) = mpsc::unbounded_channel();
    let leading = tokio::spawn(async move {
        // Its work is deaf to the token, as a reconcile is that waits for an answer.
        let work = |term| {
            begun.send(term).unwrap();
            std::future::pending()
        };
        me.lead(&stopped, work).await;
    });
    let first = terms.recv().await.unwrap();
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert!(!first.is_cancelled());

    // It loses the lead, and then the API server answers again at once.
    server.be_deaf_to(Some("leases"));
    let silent = Instant::now();
    first.cancelled().await;
    assert!(silent.elapsed() < LEASE_DURATION);
    server.be_deaf_to(None);
    let lost = server.object(LEASE).unwrap();
    let most = GRACE / 2;
    tokio::time::sleep(most).await;
    assert_eq!(server.object(LEASE).unwrap(), lost, "renewed by nobody");
    assert!(terms.try_recv().is_err(), "one term at a time");
    // Its work is dropped, and only then it leads again, as nobody else does.
    tokio::time::sleep(GRACE).await;
    assert!(terms.try_recv().is_ok());
    assert_ne!(server.object(LEASE).unwrap(), lost);
    stop.cancel();
    leading.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_lead_is_given_back_though_work_does_not_end() {
    let server = ApiServer::new(&[]);
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let me = candidate(&server, "me");
    let leading = tokio::spawn(async move {
        me.lead(&stopped, |_term| std::future::pending()).await;
    });
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(holder(&server).as_deref(), Some("me"));
    stop.cancel();
    let asked = Instant::now();
    leading.await.unwrap();
    assert!(asked.elapsed() <= GRACE + Duration::from_secs(1));
    assert_eq!(holder(&server).as_deref(), Some(""));
}

/// A replica whose work ends by itself after so long; tells when each of its terms began.
fn failing(
    server: &ApiServer,
    identity: &'static str,
    after: Duration,
    stop: &CancellationToken,
) -> (
    mpsc::UnboundedReceiver<Instant>,
    tokio::task::JoinHandle<()>,
) {
    let (begun, terms) = mpsc::unbounded_channel();
    let (candidate, stop) = (candidate(server, identity), stop.clone());
    let leading = tokio::spawn(async move {
        let work = |_term| {
            let _ = begun.send(Instant::now());
            tokio::time::sleep(after)
        };
        candidate.lead(&stop, work).await;
    });
    (terms, leading)
}

#[tokio::test(start_paused = true)]
async fn work_that_ends_by_itself_is_begun_again_ever_later() {
    let server = ApiServer::new(&[]);
    let stop = CancellationToken::new();
    let second = Duration::from_secs(1);
    let (mut terms, leading) = failing(&server, "me", second, &stop);
    let mut before = terms.recv().await.unwrap() + second;
    let mut pauses = Vec::new();
    for _ in 0..8 {
        let began = terms.recv().await.unwrap();
        pauses.push((began - before).as_secs());
        before = began + second;
    }
    assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300, 300]);
    // In a pause nobody leads, and it ends when the replica is to.
    tokio::time::sleep(FIRST_PAUSE).await;
    assert_eq!(holder(&server).as_deref(), Some(""));
    stop.cancel();
    let asked = Instant::now();
    leading.await.unwrap();
    assert!(asked.elapsed() < second);
}

#[tokio::test(start_paused = true)]
async fn work_that_went_well_for_long_is_begun_again_soon() {
    let server = ApiServer::new(&[]);
    let stop = CancellationToken::new();
    let (mut terms, _leading) = failing(&server, "me", LONGEST_PAUSE, &stop);
    let mut before = terms.recv().await.unwrap();
    for _ in 0..3 {
        let began = terms.recv().await.unwrap();
        assert_eq!(began - before, LONGEST_PAUSE + FIRST_PAUSE);
        before = began;
    }
}

#[tokio::test(start_paused = true)]
async fn while_one_pauses_another_leads() {
    let server = ApiServer::new(&[]);
    let stop = CancellationToken::new();
    let (mut terms, _failing) = failing(&server, "me", Duration::from_secs(30), &stop);
    terms.recv().await.unwrap();
    let (stopped, sound) = (stop.clone(), candidate(&server, "other"));
    let _leading = tokio::spawn(async move {
        sound.lead(&stopped, |_term| std::future::pending()).await;
    });
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(holder(&server).as_deref(), Some("other"));
    assert!(terms.try_recv().is_err(), "it led no second time");
}

#[tokio::test]
async fn a_controller_that_panics_ends_the_term_and_is_counted() {
    let metrics = Metrics::default();
    let ended = |controller: &str, times: u32| {
        let series = "plenum_operator_controllers_ended_total";
        format!("{series}{{controller=\"{controller}\"}} {times}\n")
    };
    let text = metrics.text();
    assert!(text.contains(&ended("pool", 0)) && text.contains(&ended("zone", 0)));
    let term = CancellationToken::new();
    let until_over = term.clone().cancelled_owned();
    tokio::join!(
        term::controller("zone", until_over, &term, &metrics),
        term::controller(
            "pool",
            async { panic!("as some object has it") },
            &term,
            &metrics
        ),
    );
    assert!(term.is_cancelled());
    let text = metrics.text();
    assert!(text.contains(&ended("pool", 1)), "{text}");
    assert!(text.contains(&ended("zone", 0)), "it ended with the term");
}
