//! Two people with real voices and pictures, each recording the other.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use tokio::process::Child;

use crate::site::Site;

/// Seconds that they stay.
const LASTS: &str = "8";

/// One of the two.
struct Person {
    name: &'static str,
    /// Flag of `plenum join` and sample.
    plays: [(&'static str, &'static str); 2],
    /// The kinds of media that the other one plays.
    hears: [&'static str; 2],
}

const ALICE: Person = Person {
    name: "alice",
    plays: [("--audio", "alice.ogg"), ("--video", "camera.ivf")],
    hears: ["audio", "content"],
};
const BOB: Person = Person {
    name: "bob",
    plays: [("--audio", "bob.ogg"), ("--content", "screen.ivf")],
    hears: ["audio", "video"],
};

/// What somebody had of a meeting.
#[derive(Debug, Clone, Serialize)]
pub struct Attendance {
    name: &'static str,
    /// The kinds of media that should have come.
    expected: [&'static str; 2],
    #[serde(flatten)]
    report: Report,
}

/// The report of `plenum join`, as far as it is looked at.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Report {
    joined_ms: u64,
    tracks: Vec<Track>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Track {
    kind: String,
    packets: u64,
    lost: u64,
}

/// Both join by `plenum join`, at the same time. Fails if one cannot.
pub async fn alice_and_bob(site: &Site, zones: &[String], ca: &Path) -> Result<Vec<Attendance>> {
    let (alice, bob) = (join(&ALICE, site, zones, ca)?, join(&BOB, site, zones, ca)?);
    Ok(vec![
        attendance(&ALICE, site, alice).await?,
        attendance(&BOB, site, bob).await?,
    ])
}

fn join(person: &Person, site: &Site, zones: &[String], ca: &Path) -> Result<Child> {
    let name = person.name;
    let record = site.reports.join(format!("recorded-by-{name}"));
    let mut args: Vec<String> = ["join", "--meeting", "hello", "--output", "json"]
        .map(str::to_owned)
        .into();
    let mut add = |flag: &str, value: String| args.extend([flag.to_owned(), value]);
    add("--for", LASTS.to_owned());
    add("--name", name.to_owned());
    add("--ca", ca.display().to_string());
    add("--record", record.display().to_string());
    for zone in zones {
        add("--zone", zone.clone());
    }
    for (flag, sample) in person.plays {
        add(flag, site.samples.join(sample).display().to_string());
    }
    site.plenum(args, &log(site, name))
}

fn log(site: &Site, name: &str) -> PathBuf {
    site.reports.join(format!("join-{name}.log"))
}

async fn attendance(person: &Person, site: &Site, join: Child) -> Result<Attendance> {
    let name = person.name;
    let output = join.wait_with_output().await?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "{name} could not join, see {}: {said}",
        log(site, name).display()
    );
    let end = said.lines().last().unwrap_or_default();
    let report = serde_json::from_str(end).with_context(|| format!("{name}'s report: {end:?}"))?;
    Ok(Attendance {
        name,
        expected: person.hears,
        report,
    })
}

impl Attendance {
    /// Sentences for what did not come, or not whole.
    pub fn failures(&self) -> Vec<String> {
        let name = self.name;
        let tracks = &self.report.tracks;
        let came = |kind: &&str| {
            tracks
                .iter()
                .any(|track| track.kind == *kind && track.packets > 0)
        };
        let missing = self.expected.iter().filter(|kind| !came(kind));
        let missing = missing.map(|kind| format!("{name} received no {kind}"));
        let holed = tracks.iter().filter(|track| track.lost > 0);
        let holed = holed.map(|track| format!("{name} lost {} {} packets", track.lost, track.kind));
        missing.chain(holed).collect()
    }
}

impl fmt::Display for Attendance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { joined_ms, tracks } = &self.report;
        write!(f, "{} joined in {joined_ms} ms and recorded", self.name)?;
        for (index, track) in tracks.iter().enumerate() {
            let Track {
                kind,
                packets,
                lost,
            } = track;
            let before = if index == 0 { "" } else { "," };
            write!(f, "{before} {packets} packets of {kind}, {lost} lost")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bob(tracks: &str) -> Attendance {
        Attendance {
            name: BOB.name,
            expected: BOB.hears,
            report: serde_json::from_str(&format!(r#"{{"joined_ms":80,"tracks":{tracks}}}"#))
                .unwrap(),
        }
    }

    #[test]
    fn nothing_is_missed_when_both_kinds_came_whole() {
        let whole = bob(
            r#"[{"participant":"p","kind":"audio","packets":400,"lost":0},
                {"participant":"p","kind":"video","packets":900,"lost":0}]"#,
        );
        assert!(whole.failures().is_empty());
        assert_eq!(
            whole.to_string(),
            "bob joined in 80 ms and recorded 400 packets of audio, 0 lost, 900 packets of video, 0 lost"
        );
    }

    #[test]
    fn a_kind_that_did_not_come_and_a_hole_are_told() {
        let holed = bob(
            r#"[{"kind":"audio","packets":400,"lost":2},{"kind":"video","packets":0,"lost":0}]"#,
        );
        let told = ["bob received no video", "bob lost 2 audio packets"];
        assert_eq!(holed.failures(), told);
        assert_eq!(bob("[]").failures().len(), 2);
    }
}
