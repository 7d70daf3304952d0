//! The order of zones for one caller and one meeting.

use std::cmp::Reverse;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use plenum_wire::{MeetingId, ZoneName};

use super::health::State;
use crate::geo::distance_km;
use crate::model::Coordinates;

/// What a kilometre costs, in milliseconds of round trip: light in glass takes 1 ms for 100 km
/// there and back, and cables are half as long again as the way over the globe.
pub const COST_PER_KM: f64 = 0.015;
/// How far away a zone or caller is whose place nobody knows, in kilometres: a quarter of the
/// way round, neither near nor far.
const UNKNOWN_KM: f64 = 10_000.0;
/// From this share of its room on a zone begins to cost.
const BUSY: f64 = 0.7;
/// What a full zone costs, in milliseconds: more than the way round the world, so that it is
/// offered after every zone with room.
const FULL_COST: f64 = 500.0;
/// Costs that differ by less count as equal, in milliseconds: nobody hears the difference, and
/// meetings are spread.
const GRAIN: f64 = 5.0;

/// Zones offered at most: the client tests the network to each, for 100 kB and a second in all.
pub const OFFERED: usize = 5;

/// Who asks, for which meeting.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// Their address, as the directory sees it.
    pub address: IpAddr,
    /// Where that is, if a file says so.
    pub place: Option<Coordinates>,
    /// The meeting.
    pub meeting: &'a MeetingId,
}

/// A zone that could be offered.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Its name.
    pub zone: &'a ZoneName,
    /// Whether it is offered to meetings that do not run there.
    pub enabled: bool,
    /// Networks that were given to it by hand.
    pub networks: &'a [IpNet],
    /// Where it is.
    pub place: Option<Coordinates>,
    /// How it is.
    pub state: State,
    /// How much of its room is in use, 0 to 1; `None` if it is not known.
    pub load: Option<f64>,
    /// Its share beside others that cost as much; 0 is the last resort.
    pub weight: u16,
    /// People of the meeting who are there already, or on their way.
    pub there: Option<u32>,
}

impl Candidate<'_> {
    /// Whether the meeting is there.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.there.is_some_and(|people| people > 0)
    }

    /// Whether a meeting may begin there.
    fn begins(&self) -> bool {
        self.enabled && matches!(self.state, State::Healthy | State::Unheard)
    }

    fn has_room(&self) -> bool {
        self.load.is_none_or(|load| load < 1.0)
    }

    /// Whether a meeting that was to begin there still is, where it would begin in `first` by
    /// now: two zones that are full change nothing for each other.
    #[must_use]
    pub fn stays(&self, first: &Self) -> bool {
        self.begins() && (self.has_room() || !first.has_room())
    }
}

/// Why there is no zone to offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoZone {
    /// None is registered, or all are switched off.
    NoneEnabled {
        /// Those that are switched off.
        disabled: usize,
    },
    /// None is healthy.
    NoneHealthy {
        /// The best of them, and how it is.
        zone: ZoneName,
        /// How it is.
        state: State,
        /// How many there are.
        of: usize,
    },
}

impl fmt::Display for NoZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoneEnabled { disabled: 0 } => f.write_str(
                "no zone is registered: whoever runs the directory adds one with \"plenum \
                 directory zone add NAME\"",
            ),
            Self::NoneEnabled { disabled } => write!(
                f,
                "all {disabled} zones are switched off: whoever runs the directory sets \
                 \"enabled\" of one at /v1/zones"
            ),
            Self::NoneHealthy { zone, state, of } => {
                write!(f, "none of {of} zones is ready; {zone} ")?;
                match state {
                    State::NoRouters => f.write_str("has no router that takes people")?,
                    State::Silent(ago) => {
                        write!(f, "was last heard of {} s ago", ago.as_secs())?;
                    }
                    _ => f.write_str("has never been heard of")?,
                }
                f.write_str("; ask again")
            }
        }
    }
}

/// The zones to offer, best first; never empty.
pub fn order<'a, 'b>(
    zones: &'b [Candidate<'a>],
    caller: &Caller<'_>,
) -> Result<Vec<&'b Candidate<'a>>, NoZone> {
    let mut ready: Vec<_> = zones
        .iter()
        .filter(|zone| is_offered(zone))
        .map(|zone| (rank(zone, caller), zone))
        .collect();
    if ready.is_empty() {
        return Err(why_none(zones));
    }
    ready.sort_by(|(one, _), (other, _)| one.cmp(other));
    ready.truncate(OFFERED);
    Ok(ready.into_iter().map(|(_, zone)| zone).collect())
}

/// Where people are already others may follow, also where nothing new begins: two zones know
/// nothing of each other, and whoever was sent elsewhere would sit there alone. Whether there is
/// room the zone says.
fn is_offered(zone: &Candidate<'_>) -> bool {
    zone.state.takes_latecomers() && (zone.begins() || zone.runs())
}

/// Smaller is better. Ends with the name, so that no two zones are equal.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank<'a> {
    there: Reverse<u32>,
    unheard: bool,
    by_hand: Reverse<u8>,
    last_resort: bool,
    cost: u64,
    chance: u64,
    name: &'a str,
}

fn rank<'a>(zone: &Candidate<'a>, caller: &Caller<'_>) -> Rank<'a> {
    Rank {
        there: Reverse(zone.there.map_or(0, |people| people.saturating_add(1))),
        unheard: zone.state == State::Unheard,
        by_hand: Reverse(by_hand(zone.networks, caller.address)),
        last_resort: zone.weight == 0,
        cost: cost(zone, caller),
        chance: chance(zone, caller.meeting),
        name: zone.zone.as_str(),
    }
}

/// 0 if the zone was not given the address; more the narrower the network is.
fn by_hand(networks: &[IpNet], address: IpAddr) -> u8 {
    let address = address.to_canonical();
    let given = networks.iter().filter(|network| network.contains(&address));
    given.map(|it| it.prefix_len() + 1).max().unwrap_or(0)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cost is some hundreds at most, and never negative"
)]
fn cost(zone: &Candidate<'_>, caller: &Caller<'_>) -> u64 {
    let km = match (zone.place, caller.place) {
        (Some(zone), Some(caller)) => distance_km(zone, caller),
        // Nothing can be said of any zone: they are all as far.
        (_, None) => 0.0,
        (None, Some(_)) => UNKNOWN_KM,
    };
    let cost = km * COST_PER_KM + crowding(zone.load.unwrap_or(0.0));
    (cost / GRAIN) as u64
}

/// What its load adds to the cost of a zone: nothing up to [`BUSY`], then rising with the
/// square to [`FULL_COST`], so that people are sent away slowly and not all at once.
fn crowding(load: f64) -> f64 {
    let over = ((load.clamp(0.0, 1.0) - BUSY) / (1.0 - BUSY)).max(0.0);
    FULL_COST * over * over
}

/// Weighted rendezvous hashing (Thaler and Ravishankar, 1998): every directory throws the same
/// dice. Of exponential variables the smallest is each one's with the share of its rate.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "dice need few bits, and what is drawn is positive and finite"
)]
fn chance(zone: &Candidate<'_>, meeting: &MeetingId) -> u64 {
    let draw = (hash(meeting, zone.zone) >> 11) as f64 / (1_u64 << 53) as f64;
    let waiting = -(1.0 - draw).ln() / f64::from(zone.weight.max(1));
    (waiting * 1e15) as u64
}

/// FNV-1a, then the finisher of `SplitMix64`, as names differ in few bits.
fn hash(meeting: &MeetingId, zone: &ZoneName) -> u64 {
    let names = [meeting.as_str(), "/", zone.as_str()];
    let hash = names
        .iter()
        .flat_map(|name| name.bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

fn why_none(zones: &[Candidate<'_>]) -> NoZone {
    let enabled = || zones.iter().filter(|zone| zone.enabled);
    let best = enabled().min_by_key(|zone| (hopeless(zone.state), zone.zone));
    match best {
        None => NoZone::NoneEnabled {
            disabled: zones.len(),
        },
        Some(best) => NoZone::NoneHealthy {
            zone: best.zone.clone(),
            state: best.state,
            of: enabled().count(),
        },
    }
}

/// How little hope there is that the zone comes back soon.
const fn hopeless(state: State) -> u64 {
    match state {
        State::Healthy | State::Unheard | State::NoRouters => 0,
        State::Silent(ago) => ago.as_secs(),
        State::NeverHeard => u64::MAX,
    }
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
