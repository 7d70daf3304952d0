//! The load report, schema `plenum.load/1`.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use plenum_client::quality::Quality;
use plenum_wire::Rung;
use serde::Serialize;

use super::board::{Board, Trouble, seconds};
use super::figures::Figures;
use super::tally::Tally;
use crate::join::shares;

/// Name and version of the report's shape.
pub const SCHEMA: &str = "plenum.load/1";

/// What the load measured.
#[derive(Debug, Serialize)]
pub struct Report {
    schema: &'static str,
    /// From the first join to the end.
    lasted_s: f64,
    joins: Joins,
    media: Media,
    /// Of those behind a bad network, when not all are; they are in no figure of `media`.
    #[serde(skip_serializing_if = "Option::is_none")]
    behind: Option<Media>,
    migrations: Migrations,
    reconnections: Reconnections,
    /// Sessions whose meeting was ended.
    ended: u64,
    /// Sessions that ended otherwise by themselves, or had no router when the load ended.
    dropped: u64,
    errors_total: u64,
    errors: Vec<Trouble>,
}

/// Times are from asking the zone to every media connection bound.
#[derive(Debug, Serialize)]
struct Joins {
    attempted: u64,
    failed: u64,
    /// Still under way when the user ended the load.
    abandoned: u64,
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
    max_ms: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Media {
    sent: u64,
    expected: u64,
    received: u64,
    lost: u64,
    duplicated: u64,
    /// Of the expected and lost, those that are audio.
    audio_expected: u64,
    audio_lost: u64,
    /// Copies that the client removed: in a move each packet has one, and routers send some
    /// to find out how much a way carries.
    copies_removed: u64,
    latency_p50_ms: Option<f64>,
    latency_p99_ms: Option<f64>,
    audio_gap_p99_ms: Option<f64>,
    audio_gap_max_ms: Option<f64>,
    /// Packets of a thousand that a listener's jitter buffer had to conceal, late or lost.
    audio_unrecovered_per_mille: Option<f64>,
    /// Of those, the ones that came too late.
    audio_late: u64,
    /// Times that something was concealed.
    audio_concealments: u64,
    audio_playout_delay_max_ms: Option<f64>,
    video_frames: u64,
    /// Times that a picture stood for more than 150 ms too long, and the longest of these.
    freezes: u64,
    freeze_max_ms: Option<f64>,
    /// By height in pixels: the share of the time for which pictures had it, 0 to 1.
    heights: BTreeMap<u16, f64>,
    /// Times that the height of a picture changed while it was shown.
    height_switches: u64,
    /// How often a picture was to be seen, and how often no frame of it came while it was.
    pictures: u64,
    pictures_unseen: u64,
    /// The share of the time in which pictures were to be seen and had not come yet or stood,
    /// 0 to 1.
    without_picture: Option<f64>,
    /// How late the load itself sent: part of latency and gaps that is not the routers'.
    sent_late_p99_ms: Option<f64>,
    rungs: Rungs,
}

#[derive(Debug, Serialize)]
struct Rungs {
    udp: u64,
    tcp: u64,
    tls: u64,
}

#[derive(Debug, Serialize)]
struct Migrations {
    count: u64,
    failed: u64,
    audio_gap_max_ms: Option<f64>,
}

/// After a router was lost, one for each participant on it.
#[derive(Debug, Serialize)]
struct Reconnections {
    count: u64,
    max_ms: Option<f64>,
}

impl Media {
    fn of(figures: &Figures, board: &Board) -> Self {
        let Quality { voice, picture } = &figures.quality;
        let rung = |rung| figures.rungs.get(&rung).copied().unwrap_or(0);
        Self {
            sent: board.sent.get(),
            expected: figures.totals.expected,
            received: figures.totals.received,
            lost: figures.totals.lost,
            duplicated: figures.totals.duplicated,
            audio_expected: figures.audio.expected,
            audio_lost: figures.audio.lost,
            copies_removed: figures.copies,
            latency_p50_ms: ms(figures.latency.quantile(0.5)),
            latency_p99_ms: ms(figures.latency.quantile(0.99)),
            audio_gap_p99_ms: ms(figures.gaps.quantile(0.99)),
            audio_gap_max_ms: ms(figures.gaps.max()),
            audio_unrecovered_per_mille: voice.unrecovered_per_mille().map(seconds),
            audio_late: voice.late,
            audio_concealments: voice.concealments,
            audio_playout_delay_max_ms: ms((voice.expected > 0).then_some(voice.delay_max)),
            video_frames: picture.frames,
            freezes: picture.freezes,
            freeze_max_ms: ms((picture.freezes > 0).then_some(picture.longest)),
            heights: shares(&picture.heights),
            height_switches: picture.heights.switches,
            pictures: figures.seen.pictures,
            pictures_unseen: figures.seen.never,
            without_picture: figures.seen.share_without().map(seconds),
            sent_late_p99_ms: ms(figures.late.quantile(0.99)),
            rungs: Rungs {
                udp: rung(Rung::Udp),
                tcp: rung(Rung::Tcp),
                tls: rung(Rung::Tls),
            },
        }
    }
}

impl Report {
    /// Puts the report together.
    #[must_use]
    pub fn new(board: &Board, tally: &Tally, lasted: Duration) -> Self {
        let (errors, errors_total) = board.troubles();
        let figures = &tally.all;
        Self {
            schema: SCHEMA,
            lasted_s: seconds(lasted.as_secs_f64()),
            joins: Joins {
                attempted: board.attempted.get(),
                failed: board.failed.get(),
                abandoned: tally.abandoned,
                p50_ms: ms(figures.joins.quantile(0.5)),
                p95_ms: ms(figures.joins.quantile(0.95)),
                p99_ms: ms(figures.joins.quantile(0.99)),
                max_ms: ms(figures.joins.max()),
            },
            media: Media::of(&tally.most, board),
            behind: tally.apart.as_ref().map(|apart| Media::of(apart, board)),
            migrations: Migrations {
                count: figures.moves,
                failed: figures.moves_failed,
                audio_gap_max_ms: ms(figures.move_gaps.max()),
            },
            reconnections: Reconnections {
                count: board.reconnections.get(),
                max_ms: ms(figures.back.max()),
            },
            ended: figures.ended,
            dropped: figures.dropped,
            errors_total,
            errors,
        }
    }
}

fn ms(duration: Option<Duration>) -> Option<f64> {
    duration.map(|duration| seconds(duration.as_secs_f64() * 1_000.0))
}

/// Packets sent later than this, in ms, say more about the load's machine than the routers'.
const SHORT_OF_CPU_MS: f64 = 20.0;

/// Milliseconds for people; "-" where nothing was measured.
struct Shown(Option<f64>);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(ms) => write!(f, "{ms:.1} ms"),
            None => f.write_str("-"),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { joins, media, .. } = self;
        writeln!(
            f,
            "joins       {} attempted, {} failed; p50 {}, p95 {}, p99 {}, longest {}",
            joins.attempted,
            joins.failed,
            Shown(joins.p50_ms),
            Shown(joins.p95_ms),
            Shown(joins.p99_ms),
            Shown(joins.max_ms)
        )?;
        writeln!(
            f,
            "media       {} sent, {} expected, {} received, {} lost, {} duplicated",
            media.sent, media.expected, media.received, media.lost, media.duplicated
        )?;
        writeln!(
            f,
            "latency     p50 {}, p99 {} (sent late p99 {})",
            Shown(media.latency_p50_ms),
            Shown(media.latency_p99_ms),
            Shown(media.sent_late_p99_ms)
        )?;
        writeln!(
            f,
            "audio gaps  p99 {}, longest {}, longest in a move {}",
            Shown(media.audio_gap_p99_ms),
            Shown(media.audio_gap_max_ms),
            Shown(self.migrations.audio_gap_max_ms)
        )?;
        let concealed = media.audio_unrecovered_per_mille;
        let concealed = concealed.map_or("-".to_owned(), |share| format!("{share:.1} ‰"));
        writeln!(
            f,
            "quality     {concealed} of audio concealed, playout delay up to {}; {} freezes, longest {}",
            Shown(media.audio_playout_delay_max_ms),
            media.freezes,
            Shown(media.freeze_max_ms)
        )?;
        let heights = media.heights.iter();
        let heights = heights.map(|(height, share)| format!("{height}p {:.0} %", share * 100.0));
        let heights: Vec<String> = heights.collect();
        if !heights.is_empty() {
            let switches = media.height_switches;
            writeln!(f, "pictures    {}; {switches} switches", heights.join(", "))?;
        }
        if let Some(without) = media.without_picture {
            writeln!(
                f,
                "seen        {} pictures, {} never; {:.1} % of the time without one",
                media.pictures,
                media.pictures_unseen,
                without * 100.0
            )?;
        }
        writeln!(
            f,
            "rungs       {} udp, {} tcp, {} tls",
            media.rungs.udp, media.rungs.tcp, media.rungs.tls
        )?;
        writeln!(
            f,
            "moves       {}, {} failed; {} came back from a lost router; {} dropped, {} in a meeting that was ended",
            self.migrations.count,
            self.migrations.failed,
            self.reconnections.count,
            self.dropped,
            self.ended
        )?;
        if media
            .sent_late_p99_ms
            .is_some_and(|late| late > SHORT_OF_CPU_MS)
        {
            writeln!(
                f,
                "note        this machine sent late: it was short of CPU, which the figures include"
            )?;
        }
        for Trouble {
            at_s,
            participant,
            what,
        } in self.errors.iter().take(10)
        {
            writeln!(f, "error       at {at_s:.1} s, {participant}: {what}")?;
        }
        match self.errors_total {
            0..=10 => Ok(()),
            more => writeln!(f, "error       and {} more", more - 10),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn the_report_has_the_fields_that_scripts_rely_on() {
        let mut tally = Tally::default();
        tally.abandoned = 1;
        tally.all.joins.record(Duration::from_micros(1_500));
        tally.most.rungs.insert(Rung::Tcp, 2);
        let board = Board::new(Instant::now(), false);
        board.attempted.add(2);
        board.trouble("1/2", "broke".to_owned());
        let report = Report::new(&board, &tally, Duration::from_secs(9));
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["schema"], "plenum.load/1");
        assert_eq!(json["joins"]["attempted"], 2);
        assert_eq!(json["joins"]["max_ms"], 1.5);
        assert_eq!(json["joins"]["abandoned"], 1);
        assert!(json.get("behind").is_none());
        assert_eq!(json["media"]["rungs"]["tcp"], 2);
        assert_eq!(json["media"]["audio_gap_max_ms"], serde_json::Value::Null);
        assert_eq!(json["migrations"]["failed"], 0);
        assert_eq!(json["errors"][0]["participant"], "1/2");
        let unheard = &json["media"]["audio_unrecovered_per_mille"];
        assert_eq!(*unheard, serde_json::Value::Null);
        assert_eq!(json["media"]["freezes"], 0);
        assert_eq!(json["media"]["heights"], serde_json::json!({}));
        assert_eq!(json["media"]["height_switches"], 0);
        assert_eq!(json["media"]["pictures"], 0);
        assert_eq!(json["media"]["pictures_unseen"], 0);
        assert_eq!(json["media"]["without_picture"], serde_json::Value::Null);
        for name in ["sent", "expected", "received", "lost", "duplicated"] {
            assert_eq!(json["media"][name], 0, "{name}");
        }
    }
}
