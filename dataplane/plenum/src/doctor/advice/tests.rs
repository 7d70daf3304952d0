use plenum_client::connect::RouteKind;

use super::super::findings::Finding;
use super::*;

fn finding(subject: Subject, party: Party, health: Health) -> Finding {
    Finding::new(subject, party, "zone.example", health).saying("because")
}

fn rung(rung: Rung, health: Health) -> Finding {
    Finding {
        rung: Some(rung),
        ..finding(Subject::Rung, Party::Router, health)
    }
}

fn found(all: Vec<Finding>, joined: bool) -> Findings {
    Findings {
        all,
        joined,
        zone: joined.then(|| ("zone".to_owned(), RouteKind::Direct)),
        ..Findings::default()
    }
}

const GOOD: Health = Health::Works;
const BAD: Health = Health::Blocked;

#[test]
fn where_all_is_well_there_is_nothing_to_do() {
    let all = vec![
        finding(Subject::Port, Party::Controller, GOOD),
        rung(Rung::Udp, GOOD),
        rung(Rung::Tcp, GOOD),
        rung(Rung::Tls, GOOD),
    ];
    let findings = found(all, true);
    assert!(advice(&findings).is_empty());
    assert!(openings(&findings).iter().all(|it| it.open == Some(true)));
}

#[test]
fn each_obstacle_has_its_advice() {
    use Subject::{Certificate, Clock, Name, Port, Portal};
    let table: [(Vec<Finding>, bool, &str); 10] = [
        (vec![finding(Portal, Party::Here, BAD)], false, "browser"),
        (
            vec![finding(Portal, Party::Here, Health::Odd)],
            false,
            "If this network",
        ),
        (
            vec![finding(Subject::Proxy, Party::Proxy, BAD)],
            false,
            "proxy",
        ),
        (vec![finding(Clock, Party::Here, Health::Odd)], true, "NTP"),
        (vec![finding(Name, Party::Directory, BAD)], false, "DNS"),
        (
            vec![finding(Certificate, Party::Controller, BAD)],
            false,
            "--ca",
        ),
        (
            vec![finding(Port, Party::Directory, BAD)],
            false,
            "TCP 443 to the directory",
        ),
        (
            vec![finding(Port, Party::Controller, BAD)],
            false,
            "or at least to a tunnel",
        ),
        (
            vec![
                rung(Rung::Udp, BAD),
                rung(Rung::Tcp, GOOD),
                rung(Rung::Tls, GOOD),
            ],
            true,
            "allow UDP 8801",
        ),
        (
            vec![
                rung(Rung::Udp, BAD),
                rung(Rung::Tcp, BAD),
                rung(Rung::Tls, BAD),
            ],
            false,
            "TCP 443, UDP 8801 and TCP 8801",
        ),
    ];
    for (all, joined, part) in table {
        let advice = advice(&found(all, joined));
        assert_eq!(advice.len(), 1, "{part}: {advice:?}");
        assert!(advice[0].contains(part), "{advice:?}");
    }
}

#[test]
fn a_certificate_that_is_out_of_date_by_a_wrong_clock_is_not_its_servers_fault() {
    let advice = |clock| {
        advice(&found(
            vec![
                finding(Subject::Certificate, Party::Controller, BAD),
                finding(Subject::Clock, Party::Here, clock),
            ],
            false,
        ))
    };
    let wrong = advice(Health::Odd);
    assert!(wrong.len() == 1 && wrong[0].contains("NTP"), "{wrong:?}");
    let right = advice(GOOD);
    assert!(right.len() == 1 && right[0].contains("renew"), "{right:?}");
}

#[test]
fn one_of_two_controllers_that_works_needs_no_administrator() {
    let all = vec![
        finding(Subject::Port, Party::Controller, BAD),
        finding(Subject::Port, Party::Controller, GOOD),
    ];
    assert!(advice(&found(all, false)).is_empty());
}

#[test]
fn what_a_proxy_makes_up_for_is_not_asked_for() {
    // Nobody joins for another reason, such as a wrong passcode.
    let all = [Party::Directory, Party::Controller].map(|party| {
        [
            finding(Subject::Port, party, BAD),
            finding(Subject::Certificate, party, GOOD),
        ]
    });
    assert!(advice(&found(all.concat(), false)).is_empty());
}

#[test]
fn what_a_tunnel_makes_up_for_is_not_asked_for() {
    let all = vec![
        finding(Subject::Port, Party::Controller, BAD),
        finding(Subject::Tunnel, Party::Tunnel, GOOD),
    ];
    let findings = found(all, false);
    assert!(advice(&findings).is_empty());
    let tunnels = openings(&findings).pop().unwrap();
    assert_eq!((tunnels.to, tunnels.open), ("the tunnels", Some(true)));
}

#[test]
fn tunnels_are_asked_for_at_their_own_ports_and_with_what_was_seen() {
    let tunnel = |at: &str| {
        let finding = Finding::new(Subject::Tunnel, Party::Tunnel, at, BAD);
        finding.saying("connection refused")
    };
    let controller = Finding::new(Subject::Port, Party::Controller, "TCP 192.0.2.1:8443", BAD);
    let all = vec![
        controller,
        tunnel("https://ht.example:9443/"),
        tunnel("https://[2001:db8::1]/"),
    ];
    let findings = found(all, false);
    let told = advice(&findings);
    for part in [
        "allow TCP 8443 to the zone controllers",
        "at least TCP 443, 9443 to a tunnel",
        "https://ht.example:9443/: connection refused",
    ] {
        assert!(told[0].contains(part), "{part:?} is not in: {told:?}");
    }
    let tunnels = openings(&findings).pop().unwrap();
    assert_eq!(
        (tunnels.port.as_str(), tunnels.open),
        ("TCP 443, 9443", Some(false))
    );
}

#[test]
fn why_the_join_failed_is_part_of_the_advice_once() {
    let mut findings = found(Vec::new(), false);
    findings.refused = Some("Give it with --passcode.".to_owned());
    assert_eq!(advice(&findings), ["Give it with --passcode."]);
}

#[test]
fn what_was_not_tried_is_neither_open_nor_blocked() {
    let findings = found(vec![rung(Rung::Udp, Health::Untried)], false);
    assert!(openings(&findings).iter().all(|it| it.open.is_none()));
    assert!(advice(&findings).is_empty());
}

#[test]
fn the_ports_are_those_that_were_offered() {
    let controller = Finding::new(Subject::Port, Party::Controller, "TCP [::1]:9443", GOOD);
    let mut findings = found(vec![controller, rung(Rung::Udp, GOOD)], true);
    findings.ports.media = 9_444;
    let ports: Vec<String> = openings(&findings).into_iter().map(|it| it.port).collect();
    let expected = ["TCP 9443", "TCP 443", "UDP 9444", "TCP 9444"];
    assert_eq!(ports, expected);
}
