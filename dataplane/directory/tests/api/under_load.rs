//! `PostgreSQL` ends and starts again while people work.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use plenum_directory::model::MeetingNumber;
use plenum_directory::store::{Error, Store};
use plenum_wire::directory::Denial;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::house::{House, Place, Zone, meeting, until, within};
use crate::http::{Answer, Client};
use crate::postgres::Postgres;

/// People who change their meetings all the time, and others who look one up.
const WRITERS: u8 = 4;
const ASKERS: u8 = 2;
/// How often a zone reports.
const REPORT: Duration = Duration::from_secs(1);

/// What came of all requests together.
#[derive(Default)]
struct Score {
    acknowledged: AtomicUsize,
    looked_up: AtomicUsize,
    unavailable: AtomicUsize,
    over: AtomicBool,
}

impl Score {
    fn over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Whether it was done. If not, it has to be an error of the right kind.
    fn was_done(&self, answer: &Answer, count: &AtomicUsize) -> bool {
        if answer.status < 300 {
            count.fetch_add(1, Ordering::Relaxed);
            return true;
        }
        let code = answer.problem().code;
        assert!(
            matches!(
                code,
                Denial::Unavailable | Denial::NoZone | Denial::TooManyRequests
            ),
            "{}",
            answer.text()
        );
        // With the status that belongs to it, and Retry-After.
        answer.is(code);
        if code == Denial::Unavailable {
            self.unavailable.fetch_add(1, Ordering::Relaxed);
        }
        false
    }

    async fn until_more(&self, count: &AtomicUsize, than: usize) {
        let wanted = count.load(Ordering::Relaxed) + than;
        until(async || (count.load(Ordering::Relaxed) >= wanted).then_some(())).await;
    }
}

/// A meeting as its owner knows it.
struct Known {
    id: String,
    /// The titles that it may have: the last that was acknowledged, and those since whose fate
    /// nobody knows.
    titles: Vec<String>,
    /// Whether its end was acknowledged; `None` if nobody knows.
    gone: Option<bool>,
}

pub async fn nothing_that_was_acknowledged_is_lost(programs: PathBuf) {
    let mut postgres = Postgres::start(programs);
    let house = House::open(&Place::that_goes_away(postgres.database())).await;
    let admin = house.admin().await;
    let zone = house.zone(&admin, "eu.main", json!({})).await;
    let number = meeting(&admin, json!({})).await;
    let score = Arc::new(Score::default());
    let mut writers = JoinSet::new();
    let mut others = JoinSet::new();
    for writer in 0..WRITERS {
        let client = house.user(&format!("writer{writer}")).await;
        writers.spawn(write(client.from(10 + writer), Arc::clone(&score)));
    }
    for asker in 0..ASKERS {
        let client = house.client.from(20 + asker);
        others.spawn(ask(client, number.clone(), Arc::clone(&score)));
    }
    others.spawn(report(zone, Arc::clone(&score)));

    // A crash; an end in order, which says goodbye to its connections; and a crash.
    for signal in [Signal::QUIT, Signal::INT, Signal::QUIT] {
        score.until_more(&score.acknowledged, 40).await;
        score.until_more(&score.looked_up, 20).await;
        postgres.end(signal);
        score.until_more(&score.unavailable, 10).await;
        postgres.go();
    }
    score.until_more(&score.acknowledged, 40).await;
    score.until_more(&score.looked_up, 20).await;
    score.over.store(true, Ordering::Relaxed);
    while let Some(ended) = within(others.join_next()).await {
        ended.unwrap();
    }
    let mut checked = 0;
    while let Some(known) = within(writers.join_next()).await {
        for known in known.unwrap() {
            check(house.store(), &known).await;
            checked += 1;
        }
    }
    assert!(checked > 0);
}

/// Makes meetings, renames them and deletes some.
async fn write(client: Client, score: Arc<Score>) -> Vec<Known> {
    let mut all: Vec<Known> = Vec::new();
    let mut turn = 0;
    while !score.over() {
        turn += 1;
        let title = format!("turn {turn}");
        let wishes = json!({ "kind": "instant", "passcode": null, "title": title });
        let answer = client.post("/v1/meetings", wishes).await;
        if score.was_done(&answer, &score.acknowledged) {
            let made: Value = answer.json();
            all.push(Known {
                id: made["id"].as_str().unwrap().to_owned(),
                titles: vec![title],
                gone: Some(false),
            });
        } else {
            slow_down(&answer).await;
        }
        if let Some(known) = all.last_mut() {
            rename(known, format!("turn {turn} again"), &client, &score).await;
            if turn % 5 == 0 {
                delete(known, &client, &score).await;
            }
        }
    }
    all
}

async fn rename(known: &mut Known, title: String, client: &Client, score: &Score) {
    if known.gone != Some(false) {
        return;
    }
    let path = format!("/v1/meetings/{}", known.id);
    let answer = client.patch(&path, json!({ "title": title })).await;
    if score.was_done(&answer, &score.acknowledged) {
        known.titles = vec![title];
    } else {
        known.titles.push(title);
        slow_down(&answer).await;
    }
}

async fn delete(known: &mut Known, client: &Client, score: &Score) {
    if known.gone != Some(false) {
        return;
    }
    let answer = client.delete(&format!("/v1/meetings/{}", known.id)).await;
    let done = score.was_done(&answer, &score.acknowledged);
    known.gone = done.then_some(true);
    if !done {
        slow_down(&answer).await;
    }
}

/// Waits as it is told to where that is because of its own haste.
async fn slow_down(answer: &Answer) {
    if answer.problem().code == Denial::TooManyRequests {
        let seconds = answer.header("retry-after").unwrap().parse().unwrap();
        sleep(Duration::from_secs(seconds)).await;
    }
}

async fn ask(client: Client, number: String, score: Arc<Score>) {
    while !score.over() {
        let answer = client.look_up(json!({ "meeting": number })).await;
        if !score.was_done(&answer, &score.looked_up) {
            slow_down(&answer).await;
        }
    }
}

async fn report(zone: Zone, score: Arc<Score>) {
    let heard = AtomicUsize::new(0);
    while !score.over() {
        let answer = zone.client.put(&zone.path(), zone.saying(json!({}))).await;
        score.was_done(&answer, &heard);
        sleep(REPORT).await;
    }
}

/// Whether the database has what was acknowledged.
async fn check(store: &Store, known: &Known) {
    let number: MeetingNumber = known.id.parse().unwrap();
    let titles = &known.titles;
    match store.meeting(number).await {
        Ok(found) => {
            assert_ne!(known.gone, Some(true), "{number} was deleted");
            let title = found.settings.title.unwrap();
            assert!(
                titles.iter().any(|it| it == title.as_str()),
                "{title:?} is none of {titles:?}"
            );
        }
        Err(Error::NotFound { .. }) => assert_ne!(known.gone, Some(false), "{number} is lost"),
        Err(error) => panic!("{error}"),
    }
}
