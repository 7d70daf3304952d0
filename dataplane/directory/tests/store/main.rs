//! The store, on `SQLite` and on a real `PostgreSQL`: every test runs on both.
//!
//! Where `PostgreSQL` is not installed its half is shown as ignored, unless
//! `PLENUM_POSTGRES=required` (as `make test` has it).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

#[path = "../common/postgres.rs"]
mod postgres;

mod accounts;
mod concurrency;
mod durability;
mod feed;
mod keys;
mod logins;
mod meetings;
mod replica;
mod restart;
mod site;
mod things;
mod waiting;
mod zones;

use std::pin::Pin;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use postgres::Postgres;
use site::Site;
use tokio::runtime::{Builder, Runtime};

type Test = fn(Site) -> Pin<Box<dyn Future<Output = ()>>>;

/// The names of the tests and the tests.
macro_rules! tests {
    ($($file:ident: $($name:ident),+;)+) => {
        vec![$($((
            concat!(stringify!($file), "::", stringify!($name)),
            (|site| Box::pin($file::$name(site))) as Test,
        )),+),+]
    };
}

fn tests() -> Vec<(&'static str, Test)> {
    tests! {
        accounts: an_account_is_found_by_id_and_name, a_name_is_taken_once,
            who_changes_what_was_changed_meanwhile_is_told, a_new_password_ends_sessions,
            an_account_goes_with_what_is_its_own, accounts_are_listed_in_pieces;
        logins: a_secret_opens_its_account_until_it_expires, a_disabled_account_opens_nothing,
            the_last_use_is_known_to_five_minutes, each_account_ends_its_own,
            the_oldest_session_makes_room, what_has_expired_is_tidied_up;
        meetings: a_meeting_is_kept_whole, a_personal_meeting_goes_by_its_owners_name,
            an_account_has_one_personal_meeting, a_passcode_is_the_meetings_own,
            a_meeting_is_in_the_calendars_of_its_people, who_was_faster_wins,
            a_host_was_there_to_a_minute;
        waiting: a_host_lets_one_in_and_another_not, who_does_not_ask_again_is_forgotten,
            a_waiting_room_has_so_many_places;
        zones: a_zone_is_registered_and_changed, a_zone_comes_back,
            reports_outlive_a_restart, so_many_controllers_are_listened_to;
        keys: many_processes_make_one_key, keys_change_over_months;
        feed: what_changed_is_told_in_order, nothing_is_left_out_while_others_write,
            what_is_long_gone_is_forgotten;
        replica: a_replica_becomes_the_same, a_replica_begins_anew,
            names_and_personal_meetings_change_hands, replicas_publish_keys_of_their_own,
            a_replica_has_keys_of_its_own, a_database_knows_its_own_moments;
        concurrency: every_write_is_there_and_conflicts_are_told,
            two_programs_begin_a_database_at_once;
        durability: a_newer_database_is_refused;
    }
}

fn main() {
    let arguments = Arguments::from_args();
    let programs = Postgres::installed();
    assert!(
        programs.is_some() || std::env::var("PLENUM_POSTGRES").as_deref() != Ok("required"),
        "PostgreSQL is not installed: `make packages`"
    );
    let unwanted = arguments.list
        || arguments
            .filter
            .as_ref()
            .is_some_and(|f| f.starts_with("sqlite"));
    // One server for all, by the thread that stays until the end.
    let server = programs
        .clone()
        .filter(|_| !unwanted)
        .map(Postgres::start)
        .map(Arc::new);
    let mut trials = Vec::new();
    for (name, test) in tests() {
        let on_sqlite = move || run(Ok(Site::sqlite()), test);
        trials.push(Trial::test(format!("sqlite::{name}"), on_sqlite));
        let server = server.clone();
        let on_postgres = move || {
            let server = server.ok_or("PostgreSQL was not started");
            run(server.map(|server| Site::postgres(server.database())), test)
        };
        let trial = Trial::test(format!("postgres::{name}"), on_postgres);
        trials.push(trial.with_ignored_flag(programs.is_none()));
    }
    trials.extend(durability::on_sqlite());
    trials.extend(restart::on_postgres(programs.as_deref()));
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(server);
    conclusion.exit();
}

/// A test that fails panics.
fn run(site: Result<Site, &str>, test: Test) -> Result<(), Failed> {
    runtime().block_on(test(site?));
    Ok(())
}

fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}
