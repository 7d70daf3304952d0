use plenum_transport::route::Route;
use plenum_wire::join::{Problem, Refusal};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::connect::Fault;

#[test]
fn an_address_that_is_no_https_url_is_refused_with_what_to_write() {
    for wrong in ["zone.example", "http://zone.example", "https://", ""] {
        let error = address("zone", wrong).unwrap_err().to_string();
        assert!(error.contains("write https://HOST"), "{error}");
    }
    assert!(address("zone", "https://127.0.0.1:8443").is_ok());
}

/// A plain HTTP server on 127.0.0.1 that gives each request the next of its answers;
/// `None` is silence.
async fn controller(answers: Vec<Option<String>>) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut silent = Vec::new();
        for answer in answers {
            let (stream, _) = listener.accept().await.unwrap();
            let (stream, _) = read_request(stream).await;
            match answer {
                Some(answer) => respond(stream, &answer).await,
                None => silent.push(stream),
            }
        }
        std::future::pending::<()>().await;
    });
    Url::parse(&url).unwrap()
}

/// Reads up to the end of the JSON body.
async fn read_request(mut stream: TcpStream) -> (TcpStream, String) {
    let mut request = Vec::new();
    while !request.ends_with(b"}") {
        let read = stream.read_buf(&mut request).await.unwrap();
        assert!(read > 0, "the client gave up");
    }
    (stream, String::from_utf8(request).unwrap())
}

async fn respond(mut stream: TcpStream, answer: &str) {
    stream.write_all(answer.as_bytes()).await.unwrap();
}

fn http(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

fn refusal(code: Refusal) -> String {
    let problem = Problem {
        title: code.to_string(),
        status: code.status(),
        code,
        detail: "Detail.".to_owned(),
    };
    let body = serde_json::to_string(&problem).unwrap();
    http(&format!("{} Refused", code.status()), &body)
}

fn offer() -> String {
    let pin = "00".repeat(32);
    http(
        "200 OK",
        &format!(
            r#"{{"meeting":"m","participant":"p","router":"r","ticket":"t",
            "endpoint":{{"addresses":["127.0.0.1"],"https_port":1,"media_port":2,"fingerprint":"{pin}"}},
            "flows":{{"audio":"1","video":"2","content":"3"}}}}"#
        ),
    )
}

async fn ask(urls: Vec<Url>) -> Result<Box<Offer>, Setback> {
    ask_first(urls, None).await
}

async fn ask_first(urls: Vec<Url>, first: Option<usize>) -> Result<Box<Offer>, Setback> {
    let http = Http::new(Route::direct(), config());
    let controllers = urls.into_iter().enumerate();
    let controllers = controllers.map(|(place, url)| Controller {
        place,
        http: http.clone(),
        url,
    });
    let zone = Zone::new(controllers.collect(), None);
    let meeting = "m".parse().unwrap();
    zone.ask(&meeting, &JoinRequest::default(), first).await
}

/// Controllers that failed, by their places, and with what.
fn assert_faults(answer: Result<Box<Offer>, Setback>, expected: &[(usize, Fault)]) {
    let told = answer.unwrap_err();
    let Setback::Failed(failures) = &told else {
        panic!("{told:?}");
    };
    let faults = failures.iter().map(|(place, it)| (*place, it.fault));
    let faults: Vec<(usize, Fault)> = faults.collect();
    assert_eq!(faults, expected, "{told:?}");
}

fn config() -> std::sync::Arc<rustls::ClientConfig> {
    use plenum_transport::tls::{Trust, client_config};
    client_config(&Trust::WebPki, None, &[]).unwrap()
}

#[tokio::test]
async fn a_silent_controller_costs_a_hedge_and_not_a_timeout() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", silent.local_addr().unwrap())).unwrap();
    let given_up = CancellationToken::new();
    let when_given_up = given_up.clone().drop_guard();
    tokio::spawn(async move {
        let (stream, _) = silent.accept().await.unwrap();
        let (mut stream, _) = read_request(stream).await;
        let _ = stream.read(&mut [0]).await;
        drop(when_given_up);
    });
    let urls = vec![url, controller(vec![Some(offer())]).await];
    tokio::select! {
        offered = ask(urls) => assert_eq!(offered.unwrap().router.as_str(), "r"),
        () = given_up.cancelled() => panic!("nobody else was asked until then"),
    }
}

/// Nobody listens there, and nobody else gets it as long as the socket is kept.
fn closed() -> (tokio::net::TcpSocket, Url) {
    let closed = tokio::net::TcpSocket::new_v4().unwrap();
    closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    (closed, Url::parse(&url).unwrap())
}

#[tokio::test]
async fn a_dead_controller_is_passed_over() {
    let (closed, dead) = closed();
    let urls = vec![dead, controller(vec![Some(offer())]).await];
    assert!(ask(urls).await.is_ok());
    drop(closed);
}

#[tokio::test]
async fn a_refusal_that_passes_is_told_when_all_have_spoken() {
    let full = || Some(refusal(Refusal::ZoneFull));
    let urls = vec![controller(vec![full(), full()]).await];
    let told = ask(urls).await.unwrap_err();
    assert!(
        matches!(&told, Setback::Refused(problem, _) if problem.code == Refusal::ZoneFull),
        "{told:?}"
    );
    let urls = vec![controller(vec![full(), Some(offer())]).await];
    assert!(
        ask(urls).await.is_ok(),
        "another controller may know better"
    );
}

#[tokio::test]
async fn the_one_that_the_test_liked_is_asked_first() {
    let silent = || controller(vec![None]);
    let urls = vec![
        silent().await,
        silent().await,
        controller(vec![Some(offer())]).await,
    ];
    assert!(ask_first(urls, Some(2)).await.is_ok());
}

#[tokio::test]
async fn what_is_for_good_needs_no_second_opinion() {
    let urls = vec![controller(vec![Some(refusal(Refusal::UnknownMeeting))]).await];
    let told = ask(urls).await.unwrap_err();
    assert!(
        matches!(&told, Setback::Refused(problem, _) if problem.code == Refusal::UnknownMeeting),
        "{told:?}"
    );
}

#[tokio::test]
async fn an_answer_that_is_none_is_said_so() {
    let rubbish = [http("200 OK", "<html>"), http("418 Teapot", "")].map(Some);
    let answer = ask(vec![controller(rubbish.into()).await]).await;
    assert_faults(answer, &[(0, Fault::Nonsense)]);
}

/// Shows a certificate of nobody whom we trust, until `stop` is cancelled.
async fn stranger(stop: CancellationToken) -> Url {
    use plenum_transport::{https, tls};
    let identity = tls::Identity::self_signed(&["127.0.0.1".to_owned()]).unwrap();
    let config = tls::server_config(&identity, None, &[b"http/1.1"]).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (_keep, config) = tokio::sync::watch::channel(config);
        https::serve(listener, config, axum::Router::new(), stop).await;
    });
    Url::parse(&url).unwrap()
}

#[tokio::test]
async fn a_certificate_of_nobody_known_is_told_apart() {
    let urls = vec![stranger(CancellationToken::new()).await];
    assert_faults(ask(urls).await, &[(0, Fault::Untrusted)]);
}

#[tokio::test]
async fn what_is_wrong_with_one_controller_is_not_told_of_the_others() {
    let (closed, dead) = closed();
    let urls = vec![stranger(CancellationToken::new()).await, dead];
    for first in [0, 1] {
        let answer = ask_first(urls.clone(), Some(first)).await;
        assert_faults(answer, &[(0, Fault::Untrusted), (1, Fault::Refused)]);
    }
    drop(closed);
}

#[test]
fn of_two_tries_of_one_address_the_one_counts_that_leaves_more_to_hope_for() {
    let failure = |fault| Failure {
        fault,
        at: String::new(),
        reason: String::new(),
        proxy: None,
    };
    let table = [
        (Fault::Untrusted, Fault::Refused, Fault::Refused),
        (Fault::Silent, Fault::ProxyLogin, Fault::Silent),
        (Fault::Untrusted, Fault::Portal, Fault::Portal),
        (Fault::Portal, Fault::Nonsense, Fault::Nonsense),
    ];
    for (first, second, counts) in table {
        let mut failures = BTreeMap::new();
        note(&mut failures, 0, failure(first));
        note(&mut failures, 0, failure(second));
        assert_eq!(failures[&0].fault, counts, "{first:?}, {second:?}");
    }
}
