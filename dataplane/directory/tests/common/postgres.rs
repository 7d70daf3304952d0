//! A `PostgreSQL` of the test's own: in a temporary directory, on a Unix socket, under a user
//! without rights. It ends with the test, also when that is killed.

use std::fs::Permissions;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Between two lines of a server that starts, on the slowest machine.
const START: Duration = Duration::from_secs(300);
/// What Debian calls nobody and nogroup.
const NOBODY: u32 = 65534;

/// A running server. Dropped, it is stopped, and what it wrote is removed.
pub struct Postgres {
    programs: PathBuf,
    place: TempDir,
    server: Option<Child>,
    databases: AtomicU32,
}

impl Postgres {
    /// Where Debian's package `postgresql` puts the programs, the newest first.
    pub fn installed() -> Option<PathBuf> {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        let number = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
        let newest = versions
            .flatten()
            .map(|entry| entry.path())
            .max_by_key(number)?;
        let programs = newest.join("bin");
        programs.join("postgres").exists().then_some(programs)
    }

    /// Makes one and starts it. The thread that does so has to live as long as it: the
    /// server ends with it.
    pub fn start(programs: PathBuf) -> Self {
        let place = tempfile::Builder::new()
            .prefix("plenum-pg-")
            .tempdir_in("/tmp")
            .unwrap();
        if is_root() {
            chown(place.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        std::fs::set_permissions(place.path(), Permissions::from_mode(0o700)).unwrap();
        let mut postgres = Self {
            programs,
            place,
            server: None,
            databases: AtomicU32::new(0),
        };
        postgres.initialise();
        postgres.go();
        postgres
    }

    fn initialise(&self) {
        let output = unprivileged(&self.programs.join("initdb"))
            .arg("--pgdata")
            .arg(self.data())
            .args(["--username=plenum", "--auth=trust", "--no-sync"])
            .args(["--encoding=UTF8", "--locale=C.UTF-8"])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Starts the server and waits until it says that it is ready.
    pub fn go(&mut self) {
        let mut server = unprivileged(&self.programs.join("postgres"))
            .arg("-D")
            .arg(self.data())
            .arg("-k")
            .arg(self.place.path())
            .args(["-c", "listen_addresses=", "-c", "max_connections=200"])
            .args(["-c", "shared_buffers=32MB", "-c", "logging_collector=off"])
            // The machine does not lose its power here: what was written survives every end of
            // the server, and a disk that other work keeps busy holds nobody up.
            .args(["-c", "fsync=off"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = server.stderr.take().unwrap();
        self.server = Some(server);
        wait_until_ready(said);
    }

    /// Ends it as a crash would: no connection is finished, nothing is written down.
    pub fn crash(&mut self) {
        self.end(Signal::QUIT);
    }

    /// Ends it: at once with `QUIT`; with `INT` as soon as its connections have been told.
    pub fn end(&mut self, how: Signal) {
        if let Some(mut server) = self.server.take() {
            signal(&server, how);
            server.wait().unwrap();
        }
    }

    /// A new, empty database.
    pub fn database(&self) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let output = unprivileged(&self.programs.join("createdb"))
            .arg("--host")
            .arg(self.place.path())
            .args(["--username=plenum", &name])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        format!(
            "postgres://plenum@localhost/{name}?host={}",
            self.place.path().display()
        )
    }

    fn data(&self) -> PathBuf {
        self.place.path().join("data")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.crash();
    }
}

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

/// `PostgreSQL` refuses to run as root; and whoever started it may be killed, so the kernel
/// is asked to end it then.
fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "QUIT"]);
    if is_root() {
        command.args(["--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]);
    }
    command
        .arg("--")
        .arg(program)
        .current_dir("/")
        .stdin(Stdio::null());
    command
}

fn signal(server: &Child, signal: Signal) {
    let id = i32::try_from(server.id())
        .ok()
        .and_then(Pid::from_raw)
        .unwrap();
    kill_process(id, signal).unwrap();
}

/// Waits until the server says that it is ready; what it says afterwards is read by a thread,
/// so that it never waits for a full pipe.
fn wait_until_ready(said: ChildStderr) {
    let (tell, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(said).lines().map_while(Result::ok) {
            // Nobody listens once it is ready.
            drop(tell.send(line));
        }
    });
    let mut before = String::new();
    loop {
        let Ok(line) = lines.recv_timeout(START) else {
            panic!("PostgreSQL did not start:\n{before}")
        };
        if line.contains("ready to accept connections") {
            return;
        }
        before += &line;
        before.push('\n');
    }
}
