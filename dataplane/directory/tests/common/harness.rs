//! Runs every test on `SQLite` and on a real `PostgreSQL`.
//!
//! Where `PostgreSQL` is not installed its half is shown as ignored, unless
//! `PLENUM_POSTGRES=required` (as `make test` has it).

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::postgres::Postgres;

/// A test of something that has a database.
pub type Test<P> = fn(P) -> Pin<Box<dyn Future<Output = ()>>>;

/// The names of the tests and the tests.
macro_rules! tests {
    ($place:ty; $($file:ident: $($name:ident),+;)+) => {
        vec![$($((
            concat!(stringify!($file), "::", stringify!($name)),
            (|place| Box::pin($file::$name(place))) as crate::harness::Test<$place>,
        )),+),+]
    };
}
pub(crate) use tests;

/// Room in memory that a test may use some of.
const ROOM: u64 = 1 << 30;

/// The tests that there are.
pub struct Harness {
    arguments: Arguments,
    programs: Option<PathBuf>,
    /// One server for all, by the thread that stays until the end.
    server: Option<Arc<Postgres>>,
    trials: Vec<Trial>,
}

impl Harness {
    pub fn new() -> Self {
        let arguments = Arguments::from_args();
        let programs = Postgres::installed();
        assert!(
            programs.is_some() || std::env::var("PLENUM_POSTGRES").as_deref() != Ok("required"),
            "PostgreSQL is not installed: `make packages`"
        );
        let filter = arguments.filter.as_deref().unwrap_or_default();
        let unwanted = arguments.list || filter.starts_with("sqlite");
        let server = programs.clone().filter(|_| !unwanted).map(Postgres::start);
        Self {
            arguments,
            programs,
            server: server.map(Arc::new),
            trials: Vec::new(),
        }
    }

    /// Each with a new database in a file, and with one on the server.
    pub fn on_both<P: 'static>(
        &mut self,
        tests: Vec<(&'static str, Test<P>)>,
        in_file: fn() -> P,
        on_server: fn(String) -> P,
    ) {
        for (name, test) in tests {
            self.on_sqlite(name, move || run(test(in_file())));
            let server = self.server.clone();
            let trial = move || {
                let server = server.ok_or("it was not started")?;
                run(test(on_server(server.database())));
                Ok(())
            };
            let trial = Trial::test(format!("postgres::{name}"), trial);
            self.trials
                .push(trial.with_ignored_flag(self.programs.is_none()));
        }
    }

    /// One that has to do with files.
    pub fn on_sqlite(&mut self, name: &str, test: impl FnOnce() + Send + 'static) {
        let trial = move || {
            test();
            Ok(())
        };
        self.trials
            .push(Trial::test(format!("sqlite::{name}"), trial));
    }

    /// One that starts and ends a server of its own, by these programs.
    pub fn with_own_server(&mut self, name: &str, test: impl FnOnce(PathBuf) + Send + 'static) {
        let programs = self.programs.clone();
        let trial = move || {
            test(programs.ok_or("it is not installed")?);
            Ok(())
        };
        let trial = Trial::test(format!("postgres::{name}"), trial);
        self.trials
            .push(trial.with_ignored_flag(self.programs.is_none()));
    }

    /// Runs those that are asked for, and ends the process.
    pub fn run(self) -> ! {
        let conclusion = libtest_mimic::run(&self.arguments, self.trials);
        drop(self.server);
        conclusion.exit()
    }
}

/// A test that fails panics.
pub fn run(test: impl Future<Output = ()>) {
    runtime().block_on(test);
}

pub fn runtime() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

/// Where a test keeps files: in memory where there is room. What a directory does has time
/// limits, and a disk that other work keeps busy may take longer for a single write.
pub fn files() -> TempDir {
    let memory = Path::new("/dev/shm");
    let room = rustix::fs::statvfs(memory).is_ok_and(|it| it.f_bavail * it.f_frsize > ROOM);
    let in_memory = room.then(|| tempfile::tempdir_in(memory).ok()).flatten();
    in_memory.unwrap_or_else(|| tempfile::tempdir().unwrap())
}
