//! Twice as much to do as there is time for, for a minute: `plenum serve` on one core, people
//! in meetings from another, and then others who take away that core.
//!
//! Needs two cores and nobody else on them, so it is left out unless asked for:
//! `cargo test --release -p plenum --test overload -- --ignored --nocapture`

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
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
/// 40 people, 20 of whom send voice and picture: 20 x 9 x 50 packets of voice a second, and
/// three times as many of pictures.
const INSIDE: [&str; 8] = [
    "--meetings=4",
    "--participants=10",
    "--speakers=5",
    "--video-kbps=1500",
    "--ramp=5",
    "--for=95",
    "--rung=udp",
    "--meeting-prefix=inside",
];
/// Time to come in and for queues to settle, and then to see what it takes.
const SETTLED: Duration = Duration::from_secs(10);
const MEASURED: Duration = Duration::from_secs(10);
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

    /// The exit status of a load and its report.
    fn finish(&self, mut load: Killed, report: &str) -> (Option<i32>, Value) {
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

/// Others on the router's core: with so many of them it gets half of what it needs.
fn others(need: f64) -> Vec<Killed> {
    let mut burners = Vec::new();
    while f64::from(u32::try_from(burners.len()).unwrap()) < 2.0 / need - 1.0 {
        assert!(
            burners.len() < 60,
            "the people are too few: {need:.3} of a core"
        );
        let mut burner = on_core(ROUTER, "sh");
        // Should the test be killed, they go by themselves.
        burner.args(["-c", "while kill -0 $PPID; do :; done"]);
        burners.push(Killed(burner.spawn().unwrap()));
    }
    let all = burners.len() + 1;
    println!("the site needs {need:.2} of a core and gets 1/{all}");
    burners
}

#[test]
#[ignore = "takes two minutes of a machine with two cores and nobody else on it"]
fn twice_the_load_for_a_minute_costs_no_voice_and_is_over_when_it_is_over() {
    let site = Site::start();
    let inside = site.load("inside", &INSIDE);
    sleep(SETTLED);
    assert!(metric("plenum_overload_step") < 1.0, "overloaded already");
    let burners = others(share(MEASURED));
    let begun = Instant::now();
    let mut memory = Vec::new();
    let mut steps = Vec::new();
    let mut newcomers = None;
    while begun.elapsed() < OVERLOAD {
        sleep(Duration::from_secs(1));
        memory.push(site.memory());
        steps.push(metric("plenum_overload_step"));
        if newcomers.is_none() && steps.len() >= 20 {
            let more = ["--meetings=2", "--participants=2", "--for=20"];
            newcomers = Some(site.load("newcomers", &more));
        }
    }
    let ended = Instant::now();
    drop(burners);
    println!("steps each second: {steps:?}\nmemory each second in kB: {memory:?}");
    let refused = metric("plenum_control_refused_total");
    let (status, newcomers) = site.finish(newcomers.unwrap(), "newcomers");
    println!("refused by the router: {refused}; newcomers ({status:?}): {newcomers}");
    let (inside_status, inside) = site.finish(inside, "inside");
    println!("inside ({inside_status:?}): {inside}");
    let changes: Vec<Change> = site.changes.try_iter().collect();
    for Change { at, line } in &changes {
        let after = at.saturating_duration_since(begun).as_secs_f64();
        println!("{after:6.2} s {line}");
    }

    let less = steps.iter().filter(|step| **step >= 2.0).count();
    assert!(less > steps.len() / 2, "it did not do less: {steps:?}");
    let media = &inside["media"];
    assert!(media["audio_expected"].as_u64().unwrap() > 0);
    assert_eq!(media["audio_lost"], 0, "voices of those inside");
    assert_eq!(
        (inside_status, &inside["dropped"]),
        (Some(0), &Value::from(0))
    );
    assert_eq!(status, Some(4), "newcomers are told that there is no room");
    assert!(newcomers.to_string().contains("overloaded"), "and why");
    let last = changes.last().unwrap();
    assert!(last.line.contains("open"), "{}", last.line);
    let recovery = last.at.saturating_duration_since(ended);
    println!("all as before {recovery:?} after the end");
    assert!(recovery <= RECOVERY, "{recovery:?}");
    let (early, late) = (memory[10], memory[memory.len() - 1]);
    assert!(
        late < early + early / 20,
        "memory grew from {early} to {late} kB"
    );
}
