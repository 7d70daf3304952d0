//! The bad networks, and what the figures should be.

use serde_json::Value;

use super::super::site::options;
use super::{Figure, Scenario};

/// Milliseconds after a change of the network that do not count as oscillation.
const SETTLED: f64 = 3_000.0;

pub(super) fn all() -> Vec<Scenario> {
    vec![loss(), fall(), neighbour(), fifty()]
}

fn load(pairs: &[(&str, &str)]) -> Vec<String> {
    // Other rungs would go around the bad network.
    let udp = [("--rung", "udp"), ("--meetings", "1")];
    let pairs = udp.iter().chain(pairs);
    let pairs: Vec<_> = pairs.map(|(k, v)| (*k, (*v).to_owned())).collect();
    options(&pairs)
}

fn loss() -> Scenario {
    Scenario {
        name: "loss",
        what: "10 % random loss each way, 100 ms round trip, two speakers and two listeners",
        options: load(&[
            ("--participants", "4"),
            ("--speakers", "2"),
            ("--layers", "150,500"),
            ("--network", "delay=50ms,loss=10%"),
            ("--for", "45"),
        ]),
        figures: |report, _| {
            let media = &report["media"];
            vec![
                unseen(media),
                unrecovered(media),
                freeze(media, Some(500.0)),
            ]
        },
    }
}

fn fall() -> Scenario {
    Scenario {
        name: "fall",
        what: "a listener's downlink falls from 3 Mbit/s to 500 kbit/s for 30 s",
        options: load(&[
            ("--participants", "2"),
            ("--speakers", "1"),
            ("--layers", "150,500,1500"),
            ("--network", "delay=20ms,down-rate=3M"),
            ("--network", "after=20s,delay=20ms,down-rate=500k"),
            ("--network", "after=50s,delay=20ms,down-rate=3M"),
            ("--behind", "1"),
            ("--for", "80"),
        ]),
        figures: |report, story| {
            let listener = story.listener();
            let top = story.height_before(listener, 1);
            vec![
                audio_lost(&report["behind"]),
                Figure {
                    name: "lines lacking before the fall",
                    value: top.map(|top| f64::from(720 - top.min(720))),
                    unit: "pixels",
                    at_most: Some(0.0),
                },
                Figure {
                    name: "until a lower layer is shown",
                    value: top.and_then(|top| story.until_below(listener, 1, top)),
                    unit: "ms",
                    at_most: Some(1_000.0),
                },
                Figure {
                    name: "until it is as high again",
                    value: top.and_then(|top| story.until_at_least(listener, 2, top)),
                    unit: "ms",
                    at_most: Some(10_000.0),
                },
                Figure {
                    name: "times it went down again",
                    value: top.map(|_| {
                        story.falls(listener, 0, 0.0)
                            + story.falls(listener, 1, SETTLED)
                            + story.falls(listener, 2, 0.0)
                    }),
                    unit: "",
                    at_most: Some(0.0),
                },
                freeze(&report["behind"], None),
            ]
        },
    }
}

fn neighbour() -> Scenario {
    Scenario {
        name: "neighbour",
        what: "one of six on 20 % loss, 40 ms jitter and 300 kbit/s; figures of the five others",
        options: load(&[
            ("--participants", "6"),
            ("--speakers", "5"),
            ("--layers", "150,500"),
            (
                "--network",
                "delay=80ms,jitter=40ms,loss=20%,down-rate=300k,up-rate=300k",
            ),
            ("--behind", "1"),
            ("--for", "30"),
        ]),
        figures: |report, _| {
            let media = &report["media"];
            vec![
                Figure {
                    name: "packets lost",
                    value: media["lost"].as_f64(),
                    unit: "",
                    at_most: Some(0.0),
                },
                unseen(media),
                unrecovered(media),
                freeze(media, Some(0.0)),
            ]
        },
    }
}

fn fifty() -> Scenario {
    Scenario {
        name: "fifty",
        what: "50 publishers in one meeting, each sees 25 of the others small",
        options: load(&[
            ("--participants", "50"),
            ("--layers", "60,300"),
            ("--shown", "25"),
            ("--height", "180"),
            ("--ramp", "10"),
            ("--for", "40"),
        ]),
        figures: |report, _| {
            let media = &report["media"];
            vec![
                unseen(media),
                without_picture(media),
                audio_lost(media),
                unrecovered(media),
                freeze(media, Some(500.0)),
            ]
        },
    }
}

fn unrecovered(media: &Value) -> Figure {
    Figure {
        name: "audio unrecovered",
        value: media["audio_unrecovered_per_mille"].as_f64(),
        unit: "per mille",
        at_most: Some(5.0),
    }
}

fn audio_lost(media: &Value) -> Figure {
    let (lost, expected) = (&media["audio_lost"], &media["audio_expected"]);
    let share = lost
        .as_f64()
        .zip(expected.as_f64().filter(|all| *all > 0.0));
    Figure {
        name: "audio lost",
        value: share.map(|(lost, expected)| lost * 1_000.0 / expected),
        unit: "per mille",
        at_most: Some(10.0),
    }
}

fn unseen(media: &Value) -> Figure {
    Figure {
        name: "pictures nobody saw",
        value: media["pictures_unseen"].as_f64(),
        unit: "",
        at_most: Some(0.0),
    }
}

fn without_picture(media: &Value) -> Figure {
    Figure {
        name: "time without a picture",
        value: media["without_picture"]
            .as_f64()
            .map(|share| share * 1_000.0),
        unit: "per mille",
        at_most: Some(50.0),
    }
}

fn freeze(media: &Value, at_most: Option<f64>) -> Figure {
    let seen = media["video_frames"]
        .as_f64()
        .is_some_and(|frames| frames > 0.0);
    let none = seen && media["freezes"] == 0;
    Figure {
        name: "longest freeze",
        value: media["freeze_max_ms"].as_f64().or(none.then_some(0.0)),
        unit: "ms",
        at_most,
    }
}
