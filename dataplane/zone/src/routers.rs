//! The table of routers: what each said last, and the room promised on it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use plenum_wire::join::Endpoint;
use plenum_wire::link::{Load, SILENCE_MS};
use plenum_wire::{Boot, MeetingId, PoolName, RouterId};

use crate::Link;
use crate::placement::{Candidate, hash};
use crate::unplaced::Unplaced;

/// A router not heard for this long is lost.
pub const SILENCE: Duration = Duration::from_millis(SILENCE_MS);
/// A router gone for this long is no longer reported: pods get new names, and a controller
/// that runs for months must not remember them all.
pub const FORGET: Duration = Duration::from_hours(1);
/// How long a router may take to follow [`crate::Order::Drain`]; until then its reports still
/// say what it did before.
const OBEY: Duration = Duration::from_secs(1);

/// One router.
#[derive(Debug)]
pub struct Router {
    pub pool: PoolName,
    pub boot: Boot,
    pub endpoint: Endpoint,
    /// `None` while it is out of touch.
    pub link: Option<Link>,
    /// Its own words; `None` until the first report of its first link.
    pub load: Option<Load>,
    /// It has reported on this link, so that its meetings are known.
    pub settled: bool,
    pub heard: Instant,
    /// What the operator wants, if one has spoken for the pool.
    pub wanted: Option<bool>,
    /// What it was told last on this link.
    pub told: Option<Told>,
    /// Meetings reported on it.
    pub hosts: BTreeSet<MeetingId>,
    /// Meetings with reservations or moves towards it.
    pub expects: BTreeSet<MeetingId>,
    /// Seats kept for people who were placed and are not yet reported. Anybody can ask for
    /// some and never come.
    pub reserved: u32,
    /// Participants of meetings that move here, and not yet reported.
    pub moving_in: u32,
    /// Meetings on the way from it.
    pub leaving: usize,
    /// When people last were on their way to it from another router.
    pub received: Option<Instant>,
    /// What meetings on it need and find nowhere, until one of them leaves.
    pub unplaced: Option<Unplaced>,
    hash: u64,
}

impl Router {
    /// Takes newcomers, if there is room: in touch, accepting, and nobody wants it empty.
    pub fn open(&self) -> bool {
        self.link.is_some()
            && self.settled
            && self.wanted != Some(true)
            && self
                .load
                .is_some_and(|load| load.accepting && !load.draining)
    }

    /// It has as much to do as it can and says so: it takes nobody for now, and is not to be
    /// emptied either.
    pub fn overloaded(&self) -> bool {
        self.link.is_some()
            && self.settled
            && self.wanted != Some(true)
            && self
                .load
                .is_some_and(|load| !load.accepting && !load.draining)
    }

    /// Participants it can still take if all come who were placed here; 0 when it is not open.
    /// Where there is a choice it goes by this, so that many who come at once spread.
    pub fn room(&self) -> u32 {
        self.free().saturating_sub(self.reserved)
    }

    /// Participants it can still take now; 0 when it is not open. Only for want of this is
    /// anybody refused, or else whoever asks for seats and never comes could fill the zone.
    /// Who comes too late is refused by the router itself.
    pub fn free(&self) -> u32 {
        if self.open() { self.seats() } else { 0 }
    }

    /// Seats that nobody has, whether it is open or not; 0 while it is out of touch.
    pub fn seats(&self) -> u32 {
        let load = self.load.filter(|_| self.link.is_some() && self.settled);
        load.map_or(0, |load| {
            load.capacity
                .saturating_sub(load.participants)
                .saturating_sub(self.moving_in)
        })
    }

    /// Whether its meetings have to leave. The operator's word counts, else its own; a router
    /// that goes on draining against the operator's word is being stopped.
    pub fn draining(&self, now: Instant) -> bool {
        let itself = self.link.is_some() && self.load.is_some_and(|load| load.draining);
        match (self.wanted, self.told) {
            (Some(true), _) => self.link.is_some(),
            (Some(false), Some(told)) => itself && !told.draining && now >= told.first + OBEY,
            (Some(false), _) => false,
            (None, _) => itself,
        }
    }

    /// What it has to be told about draining now, if anything.
    pub fn untold(&self, now: Instant) -> Option<bool> {
        let wanted = self.wanted?;
        let load = self.load.filter(|_| self.link.is_some() && self.settled)?;
        let due = match self.told {
            Some(told) if told.draining == wanted => now >= told.last + OBEY,
            Some(_) => return Some(wanted),
            None => true,
        };
        (due && load.draining != wanted).then_some(wanted)
    }

    /// It is being told. When that changes, what its meetings need is found out anew: those that
    /// stay after all need no place elsewhere.
    pub fn tell(&mut self, draining: bool, now: Instant) {
        let goes_on = self.told.filter(|told| told.draining == draining);
        if goes_on.is_none() {
            self.unplaced = None;
        }
        let first = goes_on.map_or(now, |told| told.first);
        self.told = Some(Told {
            draining,
            first,
            last: now,
        });
    }
}

/// [`Router::room`] or [`Router::free`].
pub type Measure = fn(&Router) -> u32;

/// A word to a router on whether it shall be empty.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    draining: bool,
    /// When it was said first, without another in between ...
    first: Instant,
    /// ... and when last.
    last: Instant,
}

/// All routers heard of.
#[derive(Debug, Default)]
pub struct Routers {
    by_name: BTreeMap<RouterId, Router>,
    by_link: BTreeMap<Link, RouterId>,
}

/// What a `hello` changed.
#[derive(Debug, PartialEq, Eq)]
pub enum Greeted {
    /// The link is the router's now.
    Welcome,
    /// The router has a newer link already.
    Stale,
}

impl Routers {
    pub fn get(&self, router: &RouterId) -> Option<&Router> {
        self.by_name.get(router)
    }

    pub fn get_mut(&mut self, router: &RouterId) -> Option<&mut Router> {
        self.by_name.get_mut(router)
    }

    /// Whose link it is; `None` for links that count no longer.
    pub fn by_link(&self, link: Link) -> Option<&RouterId> {
        self.by_link.get(&link)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&RouterId, &Router)> {
        self.by_name.iter()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&RouterId, &mut Router)> {
        self.by_name.iter_mut()
    }

    /// Every router but `without`, with its room by this measure.
    pub fn candidates<'a>(
        &'a self,
        without: &'a [RouterId],
        room: Measure,
    ) -> impl Iterator<Item = Candidate<'a>> + 'a {
        self.by_name
            .iter()
            .filter(|(name, _)| !without.contains(name))
            .filter_map(move |(name, router)| {
                Some(Candidate {
                    router: name,
                    hash: router.hash,
                    room: room(router),
                    capacity: router.load?.capacity,
                })
            })
    }

    /// A router said who it is, on a first link or after [`Routers::part`] for an older one.
    pub fn greet(
        &mut self,
        link: Link,
        name: RouterId,
        (pool, boot, endpoint): (PoolName, Boot, Endpoint),
        wanted: Option<bool>,
        now: Instant,
    ) -> Greeted {
        let before = self.by_name.get_mut(&name);
        if before.as_ref().is_some_and(|router| router.link.is_some()) {
            return Greeted::Stale;
        }
        self.by_link.insert(link, name.clone());
        if let Some(router) = before {
            (router.pool, router.endpoint) = (pool, endpoint);
            (router.link, router.wanted, router.heard) = (Some(link), wanted, now);
            (router.told, router.settled) = (None, false);
            if router.boot != boot {
                router.boot = boot;
                router.load = None;
                router.received = None;
                router.unplaced = None;
            }
        } else {
            let router = Router {
                pool,
                boot,
                endpoint,
                link: Some(link),
                load: None,
                settled: false,
                heard: now,
                wanted,
                told: None,
                hosts: BTreeSet::new(),
                expects: BTreeSet::new(),
                reserved: 0,
                moving_in: 0,
                leaving: 0,
                received: None,
                unplaced: None,
                hash: hash(name.as_str()),
            };
            self.by_name.insert(name, router);
        }
        Greeted::Welcome
    }

    /// A link counts no longer. Returns whose it was.
    pub fn part(&mut self, link: Link) -> Option<RouterId> {
        let name = self.by_link.remove(&link)?;
        if let Some(router) = self.by_name.get_mut(&name) {
            router.link = None;
            router.settled = false;
            router.told = None;
        }
        Some(name)
    }

    /// Forgets a router that has been out of touch for [`FORGET`].
    pub fn forget(&mut self, name: &RouterId, now: Instant) -> bool {
        let gone = self
            .by_name
            .get(name)
            .is_some_and(|router| router.link.is_none() && now >= router.heard + FORGET);
        if gone {
            self.by_name.remove(name);
        }
        gone
    }
}
