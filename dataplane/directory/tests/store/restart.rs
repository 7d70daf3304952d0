//! `PostgreSQL` crashes and comes back, under load.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use plenum_directory::model::{AccountName, Revision};
use plenum_directory::store::{Config, Error, Store};
use tokio::task::JoinHandle;

use crate::harness::{Harness, runtime};
use crate::postgres::Postgres;
use crate::site::patient;
use crate::things::{account, second};

const WRITERS: u32 = 8;
const CRASHES: u32 = 3;

pub fn on_postgres(harness: &mut Harness) {
    harness.with_own_server(
        "restart::no_write_that_was_answered_is_lost",
        no_write_that_was_answered_is_lost,
    );
    harness.with_own_server(
        "restart::while_it_is_away_every_call_says_so",
        while_it_is_away_every_call_says_so,
    );
}

/// What writers tell whoever crashes the server under them.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Written,
    Away,
    Odd(String),
}

/// Makes accounts until nobody listens; the names of those it was told are there.
async fn write(store: Store, writer: u32, tell: Sender<Told>) -> Vec<AccountName> {
    let mut acknowledged = vec![];
    for number in 0.. {
        let new = account(&format!("w{writer}.{number}"));
        let told = match store.add_account(new, second(0)).await {
            Ok(made) => {
                acknowledged.push(made.name);
                Told::Written
            }
            Err(Error::Unavailable(_)) => Told::Away,
            Err(other) => Told::Odd(format!("{other:?}")),
        };
        if tell.send(told).is_err() {
            break;
        }
    }
    acknowledged
}

/// Waits until it was told so, so many times.
fn wait_for(events: &Receiver<Told>, wanted: &Told, times: usize) {
    let mut left = times;
    while left > 0 {
        let told = events
            .recv_timeout(Duration::from_secs(300))
            .expect("nobody writes");
        assert!(!matches!(told, Told::Odd(_)), "{told:?}");
        left -= usize::from(told == *wanted);
    }
}

/// Finds out soon that the server is away; is in no hurry while it is there.
fn config(url: String) -> Config {
    Config {
        connections: 6,
        patience: Duration::from_secs(5),
        ..patient(Config::new(url))
    }
}

fn no_write_that_was_answered_is_lost(programs: PathBuf) {
    let mut postgres = Postgres::start(programs);
    let config = config(postgres.database());
    let runtime = runtime();
    let store = runtime.block_on(Store::open(&config)).unwrap();
    let (tell, events) = channel();
    let writers: Vec<JoinHandle<Vec<AccountName>>> = (0..WRITERS)
        .map(|writer| runtime.spawn(write(store.clone(), writer, tell.clone())))
        .collect();
    drop(tell);
    for _ in 0..CRASHES {
        wait_for(&events, &Told::Written, 50);
        postgres.crash();
        wait_for(&events, &Told::Away, 5);
        postgres.go();
    }
    wait_for(&events, &Told::Written, 50);
    drop(events);
    runtime.block_on(async {
        for writer in writers {
            let acknowledged = writer.await.unwrap();
            assert!(!acknowledged.is_empty());
            for name in acknowledged {
                store.account_named(&name).await.unwrap();
            }
        }
    });
}

fn while_it_is_away_every_call_says_so(programs: PathBuf) {
    let mut postgres = Postgres::start(programs);
    let config = config(postgres.database());
    let runtime = runtime();
    let store = runtime.block_on(Store::open(&config)).unwrap();
    postgres.crash();
    runtime.block_on(async {
        let name = "ada".parse().unwrap();
        let unavailable = |what: &str, error: Option<Error>| {
            assert!(
                matches!(error, Some(Error::Unavailable(_))),
                "{what}: {error:?}"
            );
        };
        unavailable("ping", store.ping().await.err());
        unavailable("read", store.account_named(&name).await.err());
        unavailable(
            "write",
            store.add_account(account("ada"), second(0)).await.err(),
        );
        unavailable("feed", store.changes(Revision(0), 9).await.err());
        unavailable("tidy", store.tidy(second(0)).await.err());
        unavailable("open", Store::open(&config).await.err());
    });
    postgres.go();
    runtime.block_on(async {
        store.ping().await.unwrap();
        store.add_account(account("ada"), second(0)).await.unwrap();
    });
}
