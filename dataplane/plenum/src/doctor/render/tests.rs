use std::time::Duration;

use serde_json::json;

use super::super::findings::{Party, Ports};
use super::*;

fn found() -> Findings {
    let name = Finding::new(
        Subject::Name,
        Party::Controller,
        "zc.example",
        Health::Works,
    );
    let udp = Finding::new(Subject::Rung, Party::Router, "192.0.2.1", Health::Blocked);
    Findings {
        all: vec![
            name.saying("192.0.2.1, no IPv6")
                .taking(Duration::from_millis(12)),
            Finding {
                rung: Some(Rung::Udp),
                ..udp.saying("no answer")
            },
        ],
        zone: Some(("berlin.example".to_owned(), RouteKind::Tunnel)),
        media: [(Kind::Audio, Rung::Tls)].into(),
        joined: true,
        refused: None,
        ports: Ports::default(),
        router: None,
    }
}

#[test]
fn a_line_says_what_how_and_how_long() {
    let findings = found();
    let lines: Vec<String> = findings.all.iter().map(line).collect();
    let expected = [
        "works    name         zc.example: 192.0.2.1, no IPv6 [12 ms]",
        "blocked  media        192.0.2.1 by udp: no answer",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn the_summary_says_whether_it_works_what_carries_and_what_to_do() {
    let findings = found();
    let text = Summary(&findings).to_string();
    for part in [
        "A meeting can be joined from here: zone berlin.example, reached through a tunnel.",
        "audio takes tls",
        "What to do:",
        "allow UDP 8801 to the routers",
        "TCP 443    to the zone controllers   not tried",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    let nothing = Findings::default();
    assert!(
        Summary(&nothing)
            .to_string()
            .contains("No meeting could be joined")
    );
}

#[test]
fn the_json_carries_the_same() {
    let findings = found();
    let report = serde_json::to_value(Report::new(&findings)).unwrap();
    assert_eq!(report["schema"], "plenum.doctor/1");
    assert_eq!(report["joinable"], true);
    assert_eq!(report["route"], "tunnel");
    assert_eq!(report["media"], json!({ "audio": "tls" }));
    let name = json!({
        "subject": "name", "party": "controller", "at": "zc.example", "health": "works",
        "says": "192.0.2.1, no IPv6", "took_ms": 12,
    });
    assert_eq!(report["findings"][0], name);
    assert_eq!(report["findings"][1]["rung"], "udp");
    let udp = json!({ "port": "UDP 8801", "to": "the routers", "why": "media at its best", "open": false });
    assert!(
        report["ports"].as_array().unwrap().contains(&udp),
        "{report}"
    );
    assert_eq!(report["advice"].as_array().unwrap().len(), 1);
}
