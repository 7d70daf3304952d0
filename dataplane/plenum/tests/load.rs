//! `plenum load` against `plenum serve`, both as they are started at a shell.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod ports;

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

fn plenum() -> Command {
    Command::new(env!("CARGO_BIN_EXE_plenum"))
}

struct Site {
    process: Child,
    directory: TempDir,
    zone: String,
}

impl Drop for Site {
    fn drop(&mut self) {
        // It may have ended by itself, which another assertion then says.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Site {
    fn start(more: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut serve = plenum();
        serve.args(["serve", "--listen", "127.0.0.1", "--output", "json"]);
        serve.args(["--port-base", &ports::three().to_string()]);
        serve.arg("--data-dir").arg(directory.path());
        serve.args(more).stdout(Stdio::piped());
        let mut process = serve.spawn().unwrap();
        let mut line = String::new();
        let output = process.stdout.as_mut().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        Self {
            process,
            directory,
            zone: ready["zone"].as_str().unwrap().to_owned(),
        }
    }

    fn load(&self, more: &[&str]) -> Command {
        let mut load = plenum();
        load.args(["load", "--output", "json", "--zone", &self.zone]);
        load.arg("--ca").arg(self.directory.path().join("ca.crt"));
        load.args(more).stdout(Stdio::piped());
        load
    }
}

/// A file whose lines are read as they are written.
fn pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_packet_is_accounted_for() {
    let site = Site::start(&[]);
    let timeline = site.directory.path().join("timeline");
    let file = site.directory.path().join("report");
    let mut load = site.load(&["--meetings", "2", "--participants", "3", "--speakers", "2"]);
    load.args(["--video-kbps", "200", "--ramp", "1", "--for", "10"]);
    load.arg("--timeline").arg(&timeline);
    load.arg("--report").arg(&file);
    let output = load.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let report = report(&output);
    assert_eq!(report["schema"], "plenum.load/1");
    assert_eq!(report["joins"]["attempted"], 6);
    assert_eq!(report["joins"]["failed"], 0);
    let media = &report["media"];
    // 4 speakers; each is heard by 2 others. A second of them, however long joining took.
    let sent = media["sent"].as_u64().unwrap();
    assert!(sent > 4 * 50, "{report}");
    assert!(media["expected"].as_u64().unwrap() > sent, "{report}");
    assert_eq!(media["received"], media["expected"]);
    assert_eq!(media["lost"], 0);
    assert_eq!(media["duplicated"], 0);
    assert_eq!(report["errors_total"], 0);

    let written: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(written, report);
    let lines = std::fs::read_to_string(timeline).unwrap();
    let seconds: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(seconds.len() >= 3, "{lines}");
    assert!(
        seconds.iter().any(|second| second["joined"] == 6),
        "{lines}"
    );
    // Up to the very end: every packet, and everybody who left.
    let packets = seconds
        .iter()
        .filter_map(|second| second["packets_sent"].as_u64());
    assert_eq!(packets.sum::<u64>(), sent, "{lines}");
    let left = seconds.iter().filter(|line| line["event"] == "left");
    assert_eq!(left.count(), 6, "{lines}");
}

#[test]
fn of_many_speakers_only_the_loudest_are_expected() {
    let site = Site::start(&[]);
    let load = ["--meetings", "1", "--participants", "9", "--for", "10"];
    let output = site.load(&load).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let report = report(&output);
    let media = &report["media"];
    let count = |name: &str| media[name].as_u64().unwrap();
    assert_eq!(count("lost"), 0, "{report}");
    assert_eq!(count("received"), count("expected"));
    // 5 are heard: by 4 people without a slot, and by those with one but themselves. While not
    // all are there yet, fewer hear what is said.
    let sent = count("sent");
    let all = sent * 5 / 9 * 8;
    assert!(
        (all / 2..all * 11 / 10).contains(&count("received")),
        "{report}"
    );
}

#[test]
fn pictures_come_in_the_size_and_number_that_are_shown() {
    let site = Site::start(&[]);
    let mut load = site.load(&["--meetings", "1", "--participants", "4", "--for", "6"]);
    load.args(["--layers", "50,100,200", "--shown", "2", "--height", "360"]);
    let output = load.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let report = report(&output);
    let media = &report["media"];
    assert_eq!(media["lost"], 0, "{report}");
    // Lower ones too, where a busy machine is taken for a narrow path.
    let largest = media["heights"]["360"].as_f64();
    assert!(largest.is_some_and(|share| share > 0.0), "{report}");
    let pictures = media["pictures"].as_u64().unwrap();
    assert!(pictures >= 4 * 2, "{report}");
    assert_eq!(media["pictures_unseen"], 0, "{report}");
    // 4 see 2 each, at 25 frames a second for up to 6 s; joining takes some of them.
    let frames = media["video_frames"].as_u64().unwrap();
    assert!((100..4 * 2 * 25 * 7).contains(&frames), "{report}");
}

#[test]
fn a_load_whose_people_have_no_router_at_the_end_is_no_success() {
    let mut site = Site::start(&[]);
    let timeline = site.directory.path().join("timeline");
    let mut load = site.load(&["--meetings", "1", "--participants", "2", "--for", "12"]);
    load.arg("--timeline").arg(&timeline);
    pipe(&timeline);
    let load = load.spawn().unwrap();
    let mut seconds = BufReader::new(File::open(&timeline).unwrap()).lines();
    // Both, by what they have sent in a second.
    let talk = |second: String| {
        let second: Value = serde_json::from_str(&second).unwrap();
        second["packets_sent"].as_u64() > Some(60)
    };
    assert!(seconds.any(|second| talk(second.unwrap())));
    site.process.kill().unwrap();
    let output = load.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(report(&output)["dropped"], 2);
}

#[test]
fn a_load_that_is_stopped_still_reports() {
    let site = Site::start(&[]);
    let timeline = site.directory.path().join("timeline");
    let mut load = site.load(&["--meetings", "1", "--participants", "2", "--for", "600"]);
    load.arg("--timeline").arg(&timeline);
    pipe(&timeline);
    let load = load.spawn().unwrap();
    let mut seconds = BufReader::new(File::open(&timeline).unwrap()).lines();
    let everybody = |second: &str| second.contains(r#""joined":2"#);
    assert!(seconds.any(|second| everybody(&second.unwrap())));
    let killed = Command::new("kill").arg(load.id().to_string()).status();
    assert!(killed.unwrap().success());
    let output = load.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(report(&output)["media"]["lost"], 0);
}

#[test]
fn a_zone_without_room_fails_the_load() {
    let site = Site::start(&["--participants", "1"]);
    let mut load = site.load(&["--meetings", "1", "--participants", "2", "--for", "6"]);
    let output = load.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let report = report(&output);
    assert_eq!(report["joins"]["failed"], 1);
    assert_eq!(
        report["errors"][0]["participant"].as_str().unwrap().len(),
        3
    );
}

#[test]
fn what_does_not_go_together_is_wrong_use_and_explained() {
    for (more, says) in [
        (&["--ramp", "9"][..], "make --for longer"),
        (&["--layers", "500,150"], "the lowest comes first"),
        (&["--shown", "1"], "--shown needs pictures"),
        (&["--height", "180", "--video-kbps", "200"], "add --layers"),
        (
            &["--network", "loss=1%", "--behind", "2"],
            "--participants 1",
        ),
        (&["--network", "loss=1%", "--rung", "tcp"], "--rung udp"),
    ] {
        let mut load = plenum();
        load.args(["load", "--zone", "https://127.0.0.1:9", "--meetings", "1"]);
        load.args(["--participants", "1", "--for", "3"]).args(more);
        let output = load.output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(says), "{error}");
    }
}
