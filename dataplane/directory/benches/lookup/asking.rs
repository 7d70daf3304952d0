//! Whoever asks the directory.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{Request, StatusCode};
use plenum_directory::model::MeetingNumber;
use plenum_transport::route::{Http, Route};
use plenum_transport::tls::client_config;
use serde_json::json;
use tokio::task::JoinSet;
use tokio_rustls::rustls::ClientConfig;

use crate::house::House;
use crate::measuring::cpu::pin;
use crate::seed::PASSCODE;
use crate::{RATE, Round, SECONDS, interval};

/// How long somebody waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

fn tls(house: &House) -> Arc<ClientConfig> {
    client_config(&house.trust, None, &[b"http/1.1"]).unwrap()
}

/// What the controllers of a zone do: a report every five seconds, until the process ends.
pub fn report(house: &House, zone: &str, credential: &str) {
    let http = Http::new(Route::direct(), tls(house));
    let url = format!("https://{}/v1/zones/{zone}/report", house.address);
    let body = json!({
        "controller": "zc-0", "controllers": [format!("https://{zone}.example.org")],
        "routers": 10, "capacity": 2_000, "participants": 100,
    });
    let request = move |credential: &str| {
        Request::put(&url)
            .header(AUTHORIZATION, format!("Bearer {credential}"))
            .header(CONTENT_TYPE, "application/json")
            .body(Bytes::from(body.to_string()))
            .unwrap()
    };
    let credential = credential.to_owned();
    std::thread::spawn(move || {
        pin(1);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            loop {
                let answer = http.send(request(&credential), PATIENCE).await.unwrap();
                assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
        });
    });
}

/// Returns when somebody is let in: from then on the directory has heard of the zones.
pub async fn until_admitted(house: &House, number: MeetingNumber) {
    let (http, url) = (Http::new(Route::direct(), tls(house)), url(house));
    let admitted = async {
        loop {
            let answer = http.send(lookup(&url, number, 0), PATIENCE).await.unwrap();
            if answer.status() == StatusCode::OK {
                return;
            }
            assert_eq!(
                answer.status(),
                StatusCode::SERVICE_UNAVAILABLE,
                "{answer:?}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let admitted = tokio::time::timeout(Duration::from_mins(2), admitted).await;
    admitted.expect("no zone is offered");
}

fn url(house: &House) -> String {
    format!("https://{}/v1/lookup", house.address)
}

/// One round: lookups when they are due, each of another meeting and from another address; in
/// each round of others.
pub fn round(house: &House, numbers: &[MeetingNumber], round: u32) -> Round {
    let answers = Arc::new(Mutex::new(Answers::default()));
    let (url, tls) = (url(house), tls(house));
    let before = house.watch();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            pin(1);
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let first = round * RATE * SECONDS;
            runtime.block_on(async {
                let http = Http::new(Route::direct(), tls);
                ask(&http, &url, numbers, first, &answers).await;
            });
        });
    });
    let busy = before.busy_until(house.watch());
    let answers = std::mem::take(&mut *answers.lock().unwrap());
    answers.round(busy)
}

#[derive(Default)]
struct Answers {
    took: Vec<Duration>,
    failed: u64,
}

async fn ask(
    http: &Http,
    url: &str,
    numbers: &[MeetingNumber],
    first: u32,
    answers: &Arc<Mutex<Answers>>,
) {
    let mut asked = JoinSet::new();
    let start = tokio::time::Instant::now();
    for index in 0..RATE * SECONDS {
        let due = start + interval() * index;
        tokio::time::sleep_until(due).await;
        let index = first + index;
        // Far apart, so that no two are in one page of the database; and never twice.
        let number = numbers[index as usize * 7_919 % numbers.len()];
        let request = lookup(url, number, index);
        let (http, answers) = (http.clone(), Arc::clone(answers));
        asked.spawn(async move {
            let answer = http.send(request, PATIENCE).await;
            let mut answers = answers.lock().unwrap();
            match answer {
                Ok(answer) if answer.status() == StatusCode::OK => answers.took.push(due.elapsed()),
                _ => answers.failed += 1,
            }
        });
        while asked.try_join_next().is_some() {}
    }
    asked.join_all().await;
}

/// Each caller has an address of their own, and the passcode, whether or not it is asked for.
fn lookup(url: &str, number: MeetingNumber, index: u32) -> Request<Bytes> {
    let [_, b, c, d] = index.to_be_bytes();
    let body = json!({ "meeting": number.id(), "passcode": PASSCODE });
    Request::post(url)
        .header(CONTENT_TYPE, "application/json")
        .header("x-forwarded-for", format!("10.{b}.{c}.{d}"))
        .body(Bytes::from(body.to_string()))
        .unwrap()
}

impl Answers {
    fn round(mut self, busy: f64) -> Round {
        self.took.sort_unstable();
        let at = |share: f64| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "a place in a list of thousands"
            )]
            let place = (self.took.len() as f64 * share) as usize;
            let took = self.took.get(place.min(self.took.len().saturating_sub(1)));
            took.map_or(f64::NAN, |took| took.as_secs_f64() * 1_000.0)
        };
        Round {
            answered: self.took.len() as u64,
            failed: self.failed,
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            max_ms: at(1.0),
            busy,
        }
    }
}
