//! What was found, as plain data: what the text and the JSON are made from.

use std::collections::BTreeMap;
use std::net::IpAddr;

use plenum_client::connect::RouteKind;
use plenum_wire::{Kind, Rung};
use serde::Serialize;

/// What is looked at, in the order of a join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The proxy of this network.
    Proxy,
    /// A name in DNS.
    Name,
    /// A TCP port.
    Port,
    /// TLS, and the certificate.
    Certificate,
    /// Whether the network answers itself until somebody signs in.
    Portal,
    /// This machine's clock.
    Clock,
    /// The directory's answer.
    Lookup,
    /// A controller's network test.
    Test,
    /// A tunnel.
    Tunnel,
    /// A join as any client's.
    Join,
    /// One way for media.
    Rung,
    /// How large a packet may be.
    PacketSize,
}

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// As it should be.
    Works,
    /// It works, and somebody should look at it.
    Odd,
    /// It does not.
    Blocked,
    /// It was not tried, for the reason given.
    Untried,
}

/// Who is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// The directory.
    Directory,
    /// A controller of a zone.
    Controller,
    /// A router.
    Router,
    /// A tunnel.
    Tunnel,
    /// The proxy of this network.
    Proxy,
    /// This machine, or the network that it is in.
    Here,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub subject: Subject,
    /// Of whom.
    pub party: Party,
    /// Which address.
    pub at: String,
    /// How it is.
    pub health: Health,
    /// In words.
    pub says: String,
    /// How long it took, in milliseconds.
    pub took_ms: Option<u128>,
    /// By which way, where there is a choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<RouteKind>,
    /// Which way for media.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rung: Option<Rung>,
}

/// The ports of the routers that were offered, or those that routers usually have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ports {
    /// Control channel and rung `tls`.
    pub https: u16,
    /// Rungs `udp` and `tcp`.
    pub media: u16,
}

impl Default for Ports {
    fn default() -> Self {
        Self {
            https: 443,
            media: 8801,
        }
    }
}

/// Everything that was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// In the order in which it was found.
    pub all: Vec<Finding>,
    /// The zone that was chosen, and how it is reached.
    pub zone: Option<(String, RouteKind)>,
    /// What carried each kind of media.
    pub media: BTreeMap<Kind, Rung>,
    /// A real join worked.
    pub joined: bool,
    /// Why not, with what to do.
    pub refused: Option<String>,
    /// Of the routers.
    pub ports: Ports,
    /// The first address of the router that was offered.
    pub router: Option<IpAddr>,
}

impl Finding {
    /// A finding about an address.
    pub fn new(subject: Subject, party: Party, at: impl Into<String>, health: Health) -> Self {
        Self {
            subject,
            party,
            at: at.into(),
            health,
            says: String::new(),
            took_ms: None,
            route: None,
            rung: None,
        }
    }

    /// In these words.
    pub fn saying(mut self, says: impl Into<String>) -> Self {
        self.says = says.into();
        self
    }

    /// It took so long.
    pub const fn taking(mut self, took: std::time::Duration) -> Self {
        self.took_ms = Some(took.as_millis());
        self
    }
}

impl Findings {
    /// Whether this machine's clock agrees with that server's, which shows a certificate that is
    /// out of date by it; `None` where that was not found out.
    pub fn clock(&self, at: &str) -> Option<Health> {
        let clock = |it: &&Finding| it.subject == Subject::Clock && it.at == at;
        self.all.iter().find(clock).map(|it| it.health)
    }

    /// What was found of this.
    pub fn of(&self, subject: Subject, party: Party) -> impl Iterator<Item = &Finding> {
        let all = self.all.iter();
        all.filter(move |finding| finding.subject == subject && finding.party == party)
    }

    /// How it is on the whole: blocked if everything of it that was tried is; `None` if
    /// nothing was.
    pub fn health(&self, subject: Subject, party: Party) -> Option<Health> {
        let tried = self.of(subject, party);
        let mut tried = tried
            .filter(|finding| finding.health != Health::Untried)
            .peekable();
        tried.peek()?;
        let works = tried.any(|finding| finding.health != Health::Blocked);
        Some(if works {
            Health::Works
        } else {
            Health::Blocked
        })
    }

    /// How one way for media is; `None` if it was not tried.
    pub fn rung(&self, rung: Rung) -> Option<Health> {
        let mut all = self.all.iter();
        let finding = all.find(|it| it.subject == Subject::Rung && it.rung == Some(rung))?;
        (finding.health != Health::Untried).then_some(finding.health)
    }
}
