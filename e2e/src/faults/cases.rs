//! The cases, by their names in the table of faults. T10 is in every one: see `rules`.
//!
//! | case | file | what is done |
//! |---|---|---|
//! | T1 | `crashes` | the operator is killed after a write |
//! | T2 | `answers` | requests are refused, done without an answer, or lost |
//! | T3 | `stale` | caches are filled with lists of long ago |
//! | T4 | `missed` | events are missed; objects come back with another UID |
//! | T5 | `children` | children are deleted and edited |
//! | T6 | `rivals` | two operators |
//! | T7 | `mutations` | every field gets other values, and its own again |
//! | T8 | `orders` | resources come in every order |
//! | T9 | `idle` | nothing happens |
//! | T11 | `reports` | reports are missing, stale, partial or false |

mod answers;
mod children;
mod crashes;
mod idle;
mod missed;
mod mutations;
mod orders;
mod reports;
mod rivals;
mod stale;

use std::pin::Pin;

use anyhow::Result;

use super::story::Ends;
use super::world::World;

/// What a story without faults came to.
pub struct Reference {
    /// After each part.
    pub ends: Ends,
    /// Writes that it took, without the Lease's.
    pub writes: u64,
}

type Trial<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// One row of the table of faults.
pub struct Case {
    /// Its name.
    pub name: &'static str,
    /// What is done.
    pub what: &'static str,
    /// Schedules of the bounded form, and at length.
    pub schedules: fn(writes: u64) -> (u64, u64),
    /// Tries the schedule of this seed in a new world.
    pub trial: for<'a> fn(&'a World, &'a Reference, u64) -> Trial<'a>,
}

macro_rules! cases {
    ($($name:literal $module:ident $what:literal $schedules:expr;)+) => {
        /// All of them.
        pub const ALL: &[Case] = &[$(Case {
            name: $name,
            what: $what,
            schedules: $schedules,
            trial: |world, reference, seed| Box::pin($module::trial(world, reference, seed)),
        }),+];
    };
}

cases! {
    "T1" crashes "the operator is killed after each write" |writes| (12, writes + 40);
    "T2" answers "409, 429, 500, done without an answer, reply lost" |writes| (14, 5 * writes + 60);
    "T3" stale "lists of long ago after a restart" |_| (4, 60);
    "T4" missed "missed events; the same name with another UID" |_| (4, 60);
    "T5" children "every child is deleted and edited" |_| (4, 60);
    "T6" rivals "two operators, a stolen Lease, a leader that sleeps" |_| (3, 40);
    "T7" mutations "every field gets other values, and its own again" |_| (4, mutations::schedules());
    "T8" orders "resources come in every order" |_| (6, 120);
    "T9" idle "resyncs with no change" |_| (2, 20);
    "T11" reports "reports missing, stale, partial, falsely zero" |_| (12, 60);
}
