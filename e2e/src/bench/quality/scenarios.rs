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
    let pairs: Vec<_> = pairs.iter().map(|(k, v)| (*k, (*v).to_owned())).collect();
    options(&pairs)
}

fn loss() -> Scenario {
    Scenario {
        name: "loss",
        what: "10 % random loss each way, 100 ms round trip, two speakers and two listeners",
        options: load(&[
            ("--meetings", "1"),
            ("--participants", "4"),
            ("--speakers", "2"),
            ("--layers", "150,500"),
            ("--network", "delay=50ms,loss=10%"),
            ("--for", "45"),
        ]),
        figures: |report, _| {
            let media = &report["media"];
            vec![unrecovered(media), freeze(media, 500.0)]
        },
    }
}

fn fall() -> Scenario {
    Scenario {
        name: "fall",
        what: "a listener's downlink falls from 3 Mbit/s to 500 kbit/s for 30 s",
        options: load(&[
            ("--meetings", "1"),
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
                    name: "until a lower layer is shown",
                    value: top.and_then(|top| story.until_below(listener, 1, top)),
                    unit: "ms",
                    at_most: 1_000.0,
                },
                Figure {
                    name: "until it is as high again",
                    value: top.and_then(|top| story.until_at_least(listener, 2, top)),
                    unit: "ms",
                    at_most: 10_000.0,
                },
                Figure {
                    name: "changes of height while it was low",
                    value: Some(story.changes(listener, 1, SETTLED)),
                    unit: "",
                    // One down too far and up again is no oscillation.
                    at_most: 2.0,
                },
                freeze(&report["behind"], 1_000.0),
            ]
        },
    }
}

fn neighbour() -> Scenario {
    Scenario {
        name: "neighbour",
        what: "one of six on 20 % loss, 40 ms jitter and 300 kbit/s; figures of the five others",
        options: load(&[
            ("--meetings", "1"),
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
                    at_most: 0.0,
                },
                unrecovered(media),
                freeze(media, 150.0),
            ]
        },
    }
}

fn fifty() -> Scenario {
    Scenario {
        name: "fifty",
        what: "50 publishers in one meeting, each sees 25 of the others small",
        options: load(&[
            ("--meetings", "1"),
            ("--participants", "50"),
            ("--layers", "60,300"),
            ("--shown", "25"),
            ("--height", "180"),
            ("--ramp", "10"),
            ("--for", "40"),
        ]),
        figures: |report, _| {
            let media = &report["media"];
            vec![audio_lost(media), unrecovered(media), freeze(media, 500.0)]
        },
    }
}

fn unrecovered(media: &Value) -> Figure {
    Figure {
        name: "audio unrecovered",
        value: media["audio_unrecovered_per_mille"].as_f64(),
        unit: "per mille",
        at_most: 5.0,
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
        at_most: 10.0,
    }
}

fn freeze(media: &Value, at_most: f64) -> Figure {
    Figure {
        name: "longest freeze",
        value: media["freeze_max_ms"].as_f64(),
        unit: "ms",
        at_most,
    }
}
