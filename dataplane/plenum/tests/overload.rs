//! Twice as much to do as there is time for, for a minute: `plenum serve` on one core, people
//! in meetings from another, and then there is little left of that core.
//!
//! Needs two cores, nobody else on them, and root for a control group (which itself must lie
//! outside any other that limits it), so it is left out unless asked for:
//! `cargo test --release -p plenum --test overload -- --ignored --nocapture`

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Cores of the router and of the people, as taskset counts them.
const ROUTER: &str = "0";
const PEOPLE: &str = "1";
const PORT_BASE: &str = "42543";
const HEALTH: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 42_545);
/// 30 people, eight of ten with voice and picture. What is left when only the active speaker's
/// picture is sent, five voices and one picture of eight, is about a quarter of the packets.
const INSIDE: [&str; 8] = [
    "--meetings=3",
    "--participants=10",
    "--speakers=8",
    "--video-kbps=1500",
    "--ramp=5",
    "--for=600",
    "--rung=udp",
    "--meeting-prefix=inside",
];
/// Time to come in and for queues to settle, and then to see what it takes.
const SETTLED: Duration = Duration::from_secs(10);
const MEASURED: Duration = Duration::from_secs(5);
const OVERLOAD: Duration = Duration::from_secs(60);
const RECOVERY: Duration = Duration::from_secs(2);

/// Ends with the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program on one core.
fn on_core(core: &str, program: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", core, program]);
    command
}

/// A line of the router's log on overload, when it came.
struct Change {
    at: Instant,
    line: String,
}

struct Site {
    process: Killed,
    directory: TempDir,
    changes: Receiver<Change>,
}

impl Site {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut serve = on_core(ROUTER, env!("CARGO_BIN_EXE_plenum"));
        serve
            .args(["serve", "--listen", "127.0.0.1", "--output", "json"])
            .args(["--port-base", PORT_BASE, "--health", &HEALTH.to_string()])
            .arg("--data-dir")
            .arg(directory.path())
            .env("RUST_LOG", "info")
            .env("NO_COLOR", "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = Killed(serve.spawn().unwrap());
        let (tell, changes) = channel();
        let log = BufReader::new(process.0.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                let at = Instant::now();
                if line.contains("overload") {
                    // The test may be over.
                    let _ = tell.send(Change { at, line });
                }
            }
        });
        let mut line = String::new();
        let output = process.0.stdout.as_mut().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        assert!(line.contains("ready"), "{line}");
        Self {
            process,
            directory,
            changes,
        }
    }

    fn load(&self, report: &str, more: &[&str]) -> Killed {
        let mut load = on_core(PEOPLE, env!("CARGO_BIN_EXE_plenum"));
        load.args(["load", "--output", "json", "--zone"])
            .arg(format!("https://127.0.0.1:{PORT_BASE}"))
            .arg("--ca")
            .arg(self.directory.path().join("ca.crt"))
            .arg("--report")
            .arg(self.directory.path().join(report))
            .args(more)
            .env("RUST_LOG", "error")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Killed(load.spawn().unwrap())
    }

    /// Asks a load to end, if it has not; its exit status and its report.
    fn stop(&self, mut load: Killed, report: &str) -> (Option<i32>, Value) {
        let process = load.0.id().to_string();
        // It may have ended by itself.
        let _ = Command::new("kill").args(["-INT", &process]).status();
        let status = load.0.wait().unwrap().code();
        let text = std::fs::read_to_string(self.directory.path().join(report)).unwrap();
        (status, serde_json::from_str(&text).unwrap())
    }

    /// Resident memory in kB.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.0.id()));
        let status = status.unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kb = line.unwrap().split_ascii_whitespace().nth(1);
        kb.unwrap().parse().unwrap()
    }
}

/// One of the site's metrics, the sum over its labels.
fn metric(name: &str) -> f64 {
    let mut stream = TcpStream::connect(HEALTH).unwrap();
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    let values = page.lines().filter_map(|line| {
        let (metric, value) = line.rsplit_once(' ')?;
        let same = metric.split('{').next()? == name;
        same.then(|| value.parse::<f64>().ok())?
    });
    values.sum()
}

/// The share of its core that the site uses.
fn share(time: Duration) -> f64 {
    let used = || metric("process_cpu_seconds_total");
    let (before, since) = (used(), Instant::now());
    sleep(time);
    (used() - before) / since.elapsed().as_secs_f64()
}

/// A control group whose process gets a part of a core, in slices of a millisecond: as if the
/// core were slower. Gone, with its limit, when dropped.
struct Core {
    directory: PathBuf,
    process: u32,
    /// Version 1 of the interface; else it is version 2.
    old: bool,
}

impl Core {
    fn of(process: u32) -> Self {
        let old = Path::new("/sys/fs/cgroup/cpu");
        let root = if old.exists() {
            old
        } else {
            old.parent().unwrap()
        };
        let directory = root.join(format!("plenum-overload-{process}"));
        std::fs::create_dir(&directory).expect("only root makes control groups");
        let core = Self {
            directory,
            process,
            old: old.exists(),
        };
        core.write("cgroup.procs", &process.to_string());
        core
    }

    fn slow_down(&self, share: f64) {
        assert!(
            share > 0.005,
            "too few people: {share:.4} of a core is enough"
        );
        let slice = 1_000.0;
        let period = slice / share;
        if self.old {
            self.write("cpu.cfs_period_us", &format!("{period:.0}"));
            self.write("cpu.cfs_quota_us", &format!("{slice:.0}"));
        } else {
            self.write("cpu.max", &format!("{slice:.0} {period:.0}"));
        }
    }

    fn whole(&self) {
        if self.old {
            self.write("cpu.cfs_quota_us", "-1");
        } else {
            self.write("cpu.max", "max");
        }
    }

    fn write(&self, file: &str, value: &str) {
        let path = self.directory.join(file);
        std::fs::write(&path, value).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        let root = self.directory.parent().unwrap();
        // The process may have ended, and then is in no group.
        let _ = std::fs::write(root.join("cgroup.procs"), self.process.to_string());
        let _ = std::fs::remove_dir(&self.directory);
    }
}

/// Of what it needs when it has time. A site that has less gathers more and needs less for each
/// packet: 0.45 of it was found to be just too little, and this is half of that.
const LEFT: f64 = 0.22;

fn step() -> f64 {
    metric("plenum_overload_step")
}

#[test]
#[ignore = "takes three minutes of a machine with two cores and nobody else on it, and root"]
fn twice_the_load_for_a_minute_costs_no_voice_and_is_over_when_it_is_over() {
    let site = Site::start();
    let core = Core::of(site.process.0.id());
    let inside = site.load("inside", &INSIDE);
    sleep(SETTLED);
    assert!(step() < 1.0, "overloaded already");
    let needs = share(MEASURED);
    let share = needs * LEFT;
    // What is kept for such a time, as queues are, is there after a first one.
    core.slow_down(share);
    sleep(OVERLOAD);
    let kept = site.memory();
    core.whole();
    sleep(SETTLED);
    assert!(step() < 1.0, "overloaded with a whole core");

    site.changes.try_iter().for_each(drop);
    println!("the site uses {needs:.3} of a core, and from now on has {share:.3}");
    core.slow_down(share);
    let begun = Instant::now();
    let (mut steps, mut memory) = (Vec::new(), Vec::new());
    let mut newcomers = None;
    while begun.elapsed() < OVERLOAD {
        sleep(Duration::from_secs(1));
        steps.push(step());
        memory.push(site.memory());
        if newcomers.is_none() && begun.elapsed() > OVERLOAD / 10 {
            let more = ["--meetings=2", "--participants=2", "--for=20"];
            newcomers = Some(site.load("newcomers", &more));
        }
    }
    let ended = Instant::now();
    core.whole();
    sleep(RECOVERY * 2);
    let inside = site.stop(inside, "inside");
    let newcomers = site.stop(newcomers.unwrap(), "newcomers");

    println!("steps each second: {steps:?}\nmemory each second, kB: {memory:?}");
    println!("newcomers {newcomers:?}\ninside {inside:?}");
    let changes: Vec<Change> = site.changes.try_iter().collect();
    for Change { at, line } in &changes {
        let after = at.saturating_duration_since(begun).as_secs_f64();
        println!("{after:6.2} s  {line}");
    }
    let less = steps.iter().filter(|step| **step >= 2.0).count();
    assert!(less > steps.len() / 2, "it did not do less: {steps:?}");
    let media = &inside.1["media"];
    assert!(media["audio_expected"].as_u64().unwrap() > 0);
    assert_eq!(media["audio_lost"], 0, "voices of those inside");
    assert_eq!((inside.0, &inside.1["dropped"]), (Some(0), &Value::from(0)));
    assert_eq!(newcomers.0, Some(4), "newcomers hear that there is no room");
    assert!(newcomers.1.to_string().contains("overloaded"), "and why");
    let over = changes
        .iter()
        .find(|it| it.at > ended && it.line.contains("step=\"open\""));
    let recovery = over.expect("it is over").at.duration_since(ended);
    println!("all as before {recovery:.2?} after the end");
    assert!(recovery <= RECOVERY, "{recovery:?}");
    let grew = memory[memory.len() - 1].saturating_sub(kept);
    assert!(grew < kept / 20, "{kept} kB grew by {grew} in the second");
}
