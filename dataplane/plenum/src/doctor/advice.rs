//! What to do about it: pure, from the findings.

use std::collections::BTreeSet;

use plenum_wire::Rung;
use serde::Serialize;
use url::Url;

use super::findings::{Findings, Health, Party, Subject};

/// One line of what the network's administrator is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Opening {
    /// UDP or TCP, and the port.
    pub port: String,
    /// To whom.
    pub to: &'static str,
    /// What for.
    pub why: &'static str,
    /// Whether it is open; `None` if that was not to be found out.
    pub open: Option<bool>,
}

/// The ports that Plenum uses, and which of them are open from here.
pub fn openings(findings: &Findings) -> Vec<Opening> {
    let port = |party| findings.health(Subject::Port, party).map(works);
    let rung = |rung| findings.rung(rung).map(works);
    let (https, media) = (findings.ports.https, findings.ports.media);
    let mut openings = vec![
        Opening {
            port: tcp(findings, Subject::Port, Party::Controller),
            to: "the zone controllers",
            why: "joining, needed",
            open: port(Party::Controller),
        },
        Opening {
            port: format!("TCP {https}"),
            to: "the routers",
            why: "control channel and media of last resort, needed",
            open: rung(Rung::Tls),
        },
        Opening {
            port: format!("UDP {media}"),
            to: "the routers",
            why: "media at its best",
            open: rung(Rung::Udp),
        },
        Opening {
            port: format!("TCP {media}"),
            to: "the routers",
            why: "media, where UDP cannot be",
            open: rung(Rung::Tcp),
        },
    ];
    if let Some(open) = port(Party::Directory) {
        openings.insert(
            0,
            Opening {
                port: tcp(findings, Subject::Port, Party::Directory),
                to: "the directory",
                why: "finding meetings, needed",
                open: Some(open),
            },
        );
    }
    if let Some(health) = findings.health(Subject::Tunnel, Party::Tunnel) {
        openings.push(Opening {
            port: tcp(findings, Subject::Tunnel, Party::Tunnel),
            to: "the tunnels",
            why: "instead of all to the zone, where that cannot be",
            open: Some(works(health)),
        });
    }
    openings
}

/// The ports that were tried there; the usual one where none was.
fn tcp(findings: &Findings, subject: Subject, party: Party) -> String {
    let tried = findings.of(subject, party);
    let ports = tried.filter_map(|it| port_of(&it.at));
    let ports: BTreeSet<u16> = ports.collect();
    if ports.is_empty() {
        return "TCP 443".to_owned();
    }
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    format!("TCP {}", ports.join(", "))
}

/// The port of an address as findings write it: `TCP HOST:PORT` or a URL.
fn port_of(at: &str) -> Option<u16> {
    match Url::parse(at) {
        Ok(url) if url.has_host() => url.port_or_known_default(),
        _ => at.rsplit(':').next()?.parse().ok(),
    }
}

/// What to do, the most important first; nothing where all is well.
pub fn advice(findings: &Findings) -> Vec<String> {
    let mut advice = Vec::new();
    advice.extend(of_this_network(findings));
    advice.extend(of_names(findings));
    advice.extend(of_certificates(findings));
    advice.extend(of_ports(findings));
    advice.extend(of_media(findings));
    advice.extend(findings.refused.clone());
    let mut seen = BTreeSet::new();
    advice.retain(|line| seen.insert(line.clone()));
    advice
}

const fn works(health: Health) -> bool {
    matches!(health, Health::Works | Health::Odd)
}

fn of_this_network(findings: &Findings) -> Vec<String> {
    let mut advice = Vec::new();
    for finding in &findings.all {
        let says = &finding.says;
        match (finding.subject, finding.health) {
            (Subject::Portal, Health::Blocked) => advice.push(format!(
                "Sign in to this network: open any page in a browser ({says})."
            )),
            (Subject::Portal, Health::Odd) if !findings.joined => advice.push(format!(
                "If this network wants you to sign in, open any page in a browser: nobody is \
                 there at {} but a web server ({says}).",
                finding.at
            )),
            (Subject::Proxy, Health::Blocked | Health::Odd) => {
                advice.push(format!("Look at the proxy: {says}."));
            }
            (Subject::Clock, Health::Odd) => advice.push(format!(
                "Set this machine's clock, best by NTP: {says}. Certificates are judged by it."
            )),
            (Subject::PacketSize, Health::Odd) => advice.push(format!(
                "Ask for packets of 1,280 bytes or more to pass, and for ICMP \"too big\" not to be blocked: {says}."
            )),
            _ => {}
        }
    }
    advice
}

fn of_names(findings: &Findings) -> Vec<String> {
    let unknown = findings.all.iter().filter(|it| {
        it.subject == Subject::Name && it.health == Health::Blocked && it.party != Party::Proxy
    });
    // By a proxy nobody here needs to know the name.
    let by_proxy = matches!(findings.zone, Some((_, route)) if route != plenum_client::connect::RouteKind::Direct);
    unknown
        .filter(|_| !by_proxy)
        .map(|it| {
            format!(
                "Check the name {}, and ask for the DNS here to know it.",
                it.at
            )
        })
        .collect()
}

fn of_certificates(findings: &Findings) -> Vec<String> {
    let wrong = findings.all.iter();
    let wrong =
        wrong.filter(|it| it.subject == Subject::Certificate && it.health == Health::Blocked);
    wrong
        .filter_map(|it| match findings.clock(&it.at) {
            None => Some(format!(
                "{} shows a certificate that is not trusted ({}): give its authority with --ca FILE; \
                 if something here opens TLS to inspect it, ask for {} to be left alone.",
                it.at, it.says, it.at
            )),
            Some(Health::Works) => Some(format!(
                "Tell whoever runs {} to renew its certificate ({}).",
                it.at, it.says
            )),
            // There is nothing wrong with the certificate.
            Some(_) => None,
        })
        .collect()
}

fn of_ports(findings: &Findings) -> Vec<String> {
    let ask = |party, who: &str, purpose| {
        let ports = tcp(findings, Subject::Port, party);
        format!("Ask the administrator of this network to allow {ports} to {who}: {purpose}.")
    };
    // A certificate was seen where a proxy leads there.
    let seen = |party| findings.health(Subject::Certificate, party).is_some();
    let closed = |party| findings.health(Subject::Port, party) == Some(Health::Blocked);
    let blocked = |party| closed(party) && !seen(party);
    let mut advice = Vec::new();
    if findings.joined {
        return advice;
    }
    if blocked(Party::Directory) {
        advice.push(ask(
            Party::Directory,
            "the directory",
            "nothing works without",
        ));
    }
    let tunnels = findings.health(Subject::Tunnel, Party::Tunnel);
    if blocked(Party::Controller) && !tunnels.is_some_and(works) {
        let who = match tunnels {
            None => "the zone controllers, or at least to a tunnel".to_owned(),
            Some(_) => format!(
                "the zone controllers, or at least {} to a tunnel ({})",
                tcp(findings, Subject::Tunnel, Party::Tunnel),
                reasons(findings, Subject::Tunnel, Party::Tunnel)
            ),
        };
        advice.push(ask(Party::Controller, &who, "nobody can join without"));
    }
    advice
}

/// What was wrong with each.
fn reasons(findings: &Findings, subject: Subject, party: Party) -> String {
    let wrong = findings.of(subject, party);
    let wrong = wrong.filter(|it| it.health == Health::Blocked);
    let each: Vec<String> = wrong.map(|it| format!("{}: {}", it.at, it.says)).collect();
    each.join("; ")
}

fn of_media(findings: &Findings) -> Vec<String> {
    let blocked = |rung| findings.rung(rung) == Some(Health::Blocked);
    let (https, media) = (findings.ports.https, findings.ports.media);
    let all = blocked(Rung::Udp) && blocked(Rung::Tcp) && blocked(Rung::Tls);
    if all {
        return vec![format!(
            "Ask the administrator of this network to allow TCP {https}, UDP {media} and TCP {media} to the routers."
        )];
    }
    if blocked(Rung::Udp) {
        let instead = if blocked(Rung::Tcp) {
            format!("only TCP {https} gets through, which stumbles over every lost packet")
        } else {
            format!("TCP {media} is used instead, which stumbles over every lost packet")
        };
        return vec![format!(
            "For better sound and pictures ask the administrator of this network to allow UDP {media} to the routers: {instead}."
        )];
    }
    Vec::new()
}

#[cfg(test)]
mod tests;
