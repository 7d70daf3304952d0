//! What is recorded is what was sent, bit for bit, over each rung.

use std::path::Path;
use std::process::Stdio;

use bytes::Bytes;
use plenum_client::media::{Frame, Source};
use plenum_wire::Rung;
use serde_json::Value;
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::site::{Ended, Site, sample, within};

/// What somebody plays: kinds and files.
type Part = [(&'static str, &'static str)];

const ALICE: &Part = &[("audio", "alice.ogg"), ("video", "camera.ivf")];
const BOB: &Part = &[("audio", "bob.ogg"), ("content", "screen.ivf")];

#[tokio::test]
async fn a_recording_is_what_was_sent_over_each_rung() {
    let mut meetings = JoinSet::new();
    for rung in Rung::ALL {
        // The longest sample lasts for 13 s.
        meetings.spawn(meet(rung, [ALICE, BOB], "15"));
    }
    while let Some(met) = meetings.join_next().await {
        met.unwrap();
    }
}

/// VP8 and VP9 are in the other test.
#[tokio::test]
async fn so_are_recordings_of_the_other_codecs() {
    let h264 = &[("video", "camera-h264.ivf")];
    let av1 = &[("video", "camera-av1.ivf")];
    meet(Rung::Udp, [h264, av1], "4").await;
}

async fn meet(rung: Rung, [one, other]: [&Part; 2], seconds: &str) {
    let site = Site::start(&[]).await;
    let attend = |name: &str, part: &Part| {
        let mut join = site.join("4711");
        join.args(["--rung", rung.as_str(), "--for", seconds]);
        join.args(["--wait-for", "1", "--name", name]);
        for (kind, file) in part {
            join.arg(format!("--{kind}")).arg(sample(file));
        }
        join.arg("--record").arg(site.file(name));
        Ended::of(join.spawn().unwrap())
    };
    let (alice, bob) = tokio::join!(attend("alice", one), attend("bob", other));
    assert_heard(rung, &alice, other).await;
    assert_heard(rung, &bob, one).await;
}

/// Checks what somebody received of the `other`.
async fn assert_heard(rung: Rung, ended: &Ended, other: &Part) {
    assert_eq!(ended.status, 0, "{rung}: {ended:?}");
    let report = ended.report();
    for kind in ["audio", "video", "content"] {
        assert_eq!(report["rungs"][kind], rung.as_str(), "{report}");
    }
    if other.iter().any(|(kind, _)| *kind == "audio") {
        // Both speak for about ten seconds; one of them has the turn.
        let turns = report["active_s"].as_object().unwrap().values();
        let seconds: f64 = turns.filter_map(Value::as_f64).sum();
        assert!(seconds > 5.0, "{rung}: {report}");
    }
    let tracks = report["tracks"].as_array().unwrap();
    assert_eq!(tracks.len(), other.len(), "{rung}: {report}");
    for (kind, sent) in other {
        let track = tracks.iter().find(|track| track["kind"] == *kind);
        assert_recorded(rung, track.unwrap(), &sample(sent)).await;
    }
}

async fn assert_recorded(rung: Rung, track: &Value, sent: &Path) {
    let recorded = Path::new(track["file"].as_str().unwrap());
    assert_eq!(track["lost"], 0, "{rung}: {track}");
    let (ours, theirs) = (frames(recorded), frames(sent));
    assert!(track["packets"].as_u64().unwrap() >= theirs.len() as u64);
    assert_eq!(ours.len(), theirs.len(), "{rung}: {track}");
    let different = ours
        .iter()
        .zip(&theirs)
        .position(|(one, other)| one != other);
    assert_eq!(
        different, None,
        "{rung}: the first frame that differs, {track}"
    );
    // Players that know nothing of us see the same codec, and have nothing to say against it.
    assert_eq!(codec(recorded).await, codec(sent).await);
    let mut decode = Command::new("ffmpeg");
    decode.args(["-v", "error", "-i"]).arg(recorded);
    run(decode.args(["-f", "null", "-"])).await;
}

/// All frames with their times.
fn frames(path: &Path) -> Vec<Frame> {
    let mut source = Source::open(path).unwrap();
    let h264 = source.codec().name == "H264";
    let mut frames: Vec<_> = std::iter::from_fn(|| source.next_frame().unwrap()).collect();
    assert!(!frames.is_empty(), "{}", path.display());
    if h264 {
        for frame in &mut frames {
            frame.data = with_long_start_codes(&frame.data);
        }
    }
    frames
}

/// Annex B with start codes of four bytes, as recordings have them: packets carry none
/// (RFC 6184), so whether one had three or four bytes is not sent.
fn with_long_start_codes(frame: &[u8]) -> Bytes {
    let mut long = Vec::new();
    for (at, &byte) in frame.iter().enumerate() {
        if frame[at..].starts_with(&[0, 0, 1]) && !frame[..at].ends_with(&[0]) {
            long.push(0);
        }
        long.push(byte);
    }
    long.into()
}

/// The codec that a file holds.
async fn codec(path: &Path) -> String {
    let mut probe = Command::new("ffprobe");
    probe.args([
        "-v",
        "error",
        "-show_entries",
        "stream=codec_name",
        "-of",
        "csv=p=0",
    ]);
    run(probe.arg(path)).await
}

/// What a tool prints, when it ends well and complains of nothing.
async fn run(tool: &mut Command) -> String {
    let output = within(tool.stdin(Stdio::null()).output()).await;
    let output = output.expect("ffmpeg and ffprobe have to be there: apt-get install ffmpeg");
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}
