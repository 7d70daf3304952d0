//! What a row of the matrix says.

use std::time::Duration;

use super::call::DIRECTORY;
use super::firewall::Rules;
use super::hosts::{Family, Host};
use super::names::Names;
use super::portal;
use super::proxy::Door;

/// Each way, between office and internet.
const DELAY_MS: u16 = 20;
/// Ethernet's.
const MTU: u16 = 1_500;
/// What a join may take with [`DELAY_MS`] each way.
const JOIN_WITHIN: Duration = Duration::from_millis(1_500);
/// Between two audio packets of a call in which nothing happens.
const STEADY_GAP: Duration = Duration::from_millis(200);
/// Of a call in which something happens.
const CHANGE_GAP: Duration = Duration::from_secs(2);
/// Audio packets that are on their way, or sent in vain, until a change is noticed.
const CHANGE_LOST: u64 = 150;
/// The same of pictures, of which there are twice as many.
const CHANGE_PICTURES_LOST: u64 = 300;
/// A machine that is busy with other scenarios may read so late that a burst of pictures has
/// nowhere to wait; that is repaired, but for the last of them.
const STEADY_PICTURES_LOST: u64 = 10;
/// Where less fits into a packet than at first: what is sent in vain until QUIC has noticed,
/// by three bursts that were lost.
const NARROW_PICTURES_LOST: u64 = 40;

/// A world, who wants to join there, and what should come of it.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// What a filter finds.
    pub name: &'static str,
    /// For people.
    pub what: &'static str,
    /// The families of addresses that everybody has.
    pub families: Vec<Family>,
    /// The largest packet that passes between office and internet.
    pub mtu: u16,
    /// Each way between office and internet, for every packet.
    pub delay_ms: u16,
    /// The same to and from these.
    pub delays_ms: Vec<(Host, u16)>,
    /// The office's firewall.
    pub rules: Rules,
    /// Who resolves which names.
    pub names: Names,
    /// The office's proxy.
    pub proxy: Option<Door>,
    /// The office's router answers all requests itself.
    pub portal: bool,
    /// How many tunnels the zone has.
    pub tunnels: u8,
    /// Who wants to join.
    pub client: Client,
    /// What happens in mid-call.
    pub change: Option<Change>,
    /// What should come of it.
    pub expected: Expected,
}

/// How media is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rung {
    /// QUIC, UDP 8801.
    Udp,
    /// TLS, TCP 8801.
    Tcp,
    /// WebSocket, TCP 443.
    Tls,
}

impl Rung {
    /// As `plenum join` writes and reads it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }

    /// The zone's port.
    pub const fn port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 8801,
            Self::Tls => 443,
        }
    }
}

/// How the client is called.
#[derive(Debug, Clone)]
pub struct Client {
    /// Of `plenum join`.
    pub args: Vec<String>,
    /// Set for it.
    pub environment: Vec<(&'static str, &'static str)>,
    /// How long it stays.
    pub lasts_s: u64,
}

/// Something that happens in mid-call.
#[derive(Debug, Clone)]
pub struct Change {
    /// After the client is in.
    pub after: Duration,
    /// Added to the office's firewall.
    pub rules: Rules,
    /// The client gets another address.
    pub moves: bool,
}

/// What should come of a scenario.
#[derive(Debug, Clone)]
pub enum Expected {
    /// They talk.
    Joins(Joins),
    /// The client says why not.
    Refused(Refused),
    /// Over a rung each medium is marked as it should be.
    Marked(Rung),
}

/// They talk.
#[derive(Debug, Clone)]
pub struct Joins {
    /// What carries all media at the end.
    pub rung: Rung,
    /// Who talks to whom, as the firewall counts it: `client:media`.
    pub route: &'static str,
    /// What the join may take. Much longer is a failure.
    pub within: Duration,
    /// The longest time without audio, in either direction. Much longer is a failure.
    pub gap: Duration,
    /// Audio packets that never come, in either direction.
    pub lost: u64,
    /// The same of video and content together.
    pub pictures_lost: u64,
}

/// The client cannot join, and says so.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Its exit status.
    pub status: u8,
    /// Words of its sentence.
    pub says: &'static [&'static str],
    /// How long it may try. Much longer is a failure.
    pub within: Duration,
}

impl Scenario {
    /// A client that begins at the directory, an open network, and media over UDP.
    pub fn new(name: &'static str, what: &'static str) -> Self {
        Self {
            name,
            what,
            families: vec![Family::V4],
            mtu: MTU,
            delay_ms: DELAY_MS,
            delays_ms: Vec::new(),
            rules: &[],
            names: Names::default(),
            proxy: None,
            portal: false,
            tunnels: 1,
            client: Client {
                args: vec!["--directory".to_owned(), DIRECTORY.to_owned()],
                environment: Vec::new(),
                lasts_s: 5,
            },
            change: None,
            expected: Expected::Joins(Joins {
                rung: Rung::Udp,
                route: "client:media",
                within: JOIN_WITHIN,
                gap: STEADY_GAP,
                lost: 0,
                pictures_lost: STEADY_PICTURES_LOST,
            }),
        }
    }

    /// With this firewall.
    pub fn rules(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    /// With these families of addresses.
    pub fn families(mut self, families: &[Family]) -> Self {
        self.families = families.to_vec();
        self
    }

    /// With narrow packets.
    pub fn mtu(mut self, mtu: u16) -> Self {
        self.mtu = mtu;
        if let Expected::Joins(joins) = &mut self.expected {
            joins.pictures_lost = NARROW_PICTURES_LOST;
        }
        self
    }

    /// All media takes this rung at the end.
    pub fn takes(mut self, rung: Rung) -> Self {
        if let Expected::Joins(joins) = &mut self.expected {
            joins.rung = rung;
        }
        self
    }

    /// All goes this way.
    pub fn by(mut self, route: &'static str) -> Self {
        if let Expected::Joins(joins) = &mut self.expected {
            joins.route = route;
        }
        self
    }

    /// With a proxy in the office.
    pub fn proxy(mut self, door: Door) -> Self {
        self.proxy = Some(door);
        self
    }

    /// In a hotel whose terms nobody has accepted.
    pub fn portal(mut self) -> Self {
        self.portal = true;
        self.rules = &[portal::CAPTURE, "-A FORWARD -j DROP"];
        self
    }

    /// With so many tunnels.
    pub fn tunnels(mut self, tunnels: u8) -> Self {
        self.tunnels = tunnels;
        self
    }

    /// Some machines are nearer or farther than others, in milliseconds each way.
    pub fn delays(mut self, delays_ms: &[(Host, u16)]) -> Self {
        self.delays_ms = delays_ms.to_vec();
        self
    }

    /// A join may take so long.
    pub fn within(mut self, limit: Duration) -> Self {
        if let Expected::Joins(joins) = &mut self.expected {
            joins.within = limit;
        }
        self
    }

    /// The client is called with more arguments.
    pub fn args(mut self, more: &[&str]) -> Self {
        let more = more.iter().map(|word| (*word).to_owned());
        self.client.args.extend(more);
        self
    }

    /// The client finds this in its environment.
    pub fn environment(mut self, name: &'static str, value: &'static str) -> Self {
        self.client.environment.push((name, value));
        self
    }

    /// These names cannot be resolved.
    pub fn silent(mut self, names: &[&'static str]) -> Self {
        self.names.silent = names.to_vec();
        self
    }

    /// Something happens in mid-call, and the call goes on.
    pub fn meanwhile(mut self, change: Change) -> Self {
        self.client.lasts_s = change.after.as_secs() + 10;
        self.change = Some(change);
        if let Expected::Joins(joins) = &mut self.expected {
            joins.gap = CHANGE_GAP;
            joins.lost = CHANGE_LOST;
            joins.pictures_lost = CHANGE_PICTURES_LOST;
        }
        self
    }

    /// Over this rung each medium is marked as it should be.
    pub fn marked(self, rung: Rung) -> Self {
        let mut scenario = self.args(&["--rung", rung.name()]);
        scenario.client.lasts_s = 3;
        scenario.expected = Expected::Marked(rung);
        scenario
    }

    /// The client cannot join, and says why.
    pub fn refused(mut self, status: u8, says: &'static [&'static str], within: Duration) -> Self {
        self.expected = Expected::Refused(Refused {
            status,
            says,
            within,
        });
        self
    }
}
