//! The tunnels: held in reserve until no controller answers.
//!
//! They are pinged when the network test has been silent for 0.9 s, so that what the answer
//! costs is not waited for, and at once when every way has failed for certain; and taken as
//! soon as one has answered and no controller has, and it is agreed on where a meeting begins that is
//! nowhere yet. Where a controller answers pings and then
//! nothing else, they are taken after [`LAST_RESORT`] of that silence, before zones that are
//! still to be asked; how long others were full before says nothing of it. What somebody says while
//! a network test looks at the others leaves that test the tunnels of the others: this zone has
//! been reached without.

use std::time::{Duration, Instant};

use super::round::Spot;
use super::{Connecting, State};
use crate::connect::measure::{DECIDE_WITHIN, Door, Plan, Subject, Test};
use crate::connect::places::Places;
use crate::connect::words::{Failure, Out, Path, Server, Trouble, Tunnel};

/// The latest time at which somebody without an answer is carried by a tunnel.
pub(super) const LAST_RESORT: Duration = Duration::from_millis(5_500);
/// How long the straight way is waited for by somebody who comes back from a tunnel.
const STRAIGHT: Duration = Duration::from_millis(300);

#[derive(Debug)]
pub(super) enum Reserve {
    /// There are none, or a controller has spoken.
    None,
    /// To be pinged then.
    Due(Instant),
    Testing(Test),
    /// These answered, the best first.
    Ready(Vec<Spot>),
    /// Asked, or none of them answered.
    Spent,
}

impl Tunnel {
    /// All that are offered: the first of each zone, in the order of the zones, before the second
    /// of any, as those of one zone may all be behind the same firewall.
    pub(in crate::connect) fn all(places: &Places) -> Vec<Self> {
        let zones = places.zones.iter().enumerate();
        let mut all: Vec<Self> = zones
            .flat_map(|(zone, place)| {
                (0..place.tunnels.len()).map(move |index| Self { zone, index })
            })
            .collect();
        all.sort_by_key(|tunnel| tunnel.index);
        all
    }
}

impl Reserve {
    /// When it has something to do by itself.
    pub fn next_timeout(&self) -> Option<Instant> {
        match self {
            Self::Due(at) => Some(*at),
            Self::Testing(test) => test.next_timeout(),
            Self::None | Self::Ready(_) | Self::Spent => None,
        }
    }

    /// Whether tunnels may still be taken.
    pub const fn is_left(&self) -> bool {
        matches!(self, Self::Due(_) | Self::Testing(_) | Self::Ready(_))
    }

    /// A controller answers pings: the tunnels are for the case that it does nothing else.
    pub fn put_off(&mut self, silence: Instant) {
        if let Self::Due(at) = self {
            *at = silence + LAST_RESORT;
        }
    }
}

impl Connecting {
    pub(super) fn has_tunnels(&self) -> bool {
        self.places
            .zones
            .iter()
            .any(|zone| !zone.tunnels.is_empty())
    }

    /// A controller has spoken, or all begins anew.
    pub(super) fn put_reserve_away(&mut self) {
        if let Reserve::Testing(test) = &mut self.reserve {
            test.stop();
        }
        self.act();
        self.reserve = Reserve::None;
    }

    /// Before each network test.
    pub(super) fn prepare_reserve(&mut self, now: Instant) {
        self.put_reserve_away();
        self.tunnels_wrong.clear();
        // They were needed a moment ago, or come before a way that is the last choice.
        let after = if self.from_tunnel || self.last_choice().is_some() {
            Duration::ZERO
        } else {
            DECIDE_WITHIN
        };
        if self.has_tunnels() {
            self.reserve = Reserve::Due(now + after);
        }
    }

    /// Whether the tunnels are asked, or may be in a moment, now that nothing else is left.
    pub(super) fn call_reserve(&mut self, now: Instant) -> bool {
        match self.reserve {
            Reserve::None | Reserve::Spent => {
                self.reserve = Reserve::Spent;
                return false;
            }
            Reserve::Due(_) => self.ping_tunnels(now),
            Reserve::Testing(_) => {}
            Reserve::Ready(_) => self.use_reserve(now),
        }
        true
    }

    /// What is due, and what the pings have shown.
    pub(super) fn look_at_reserve(&mut self, now: Instant) {
        if matches!(self.state, State::Ended) {
            return;
        }
        if matches!(self.reserve, Reserve::Due(at) if at <= now) {
            self.ping_tunnels(now);
        }
        if let Reserve::Testing(test) = &mut self.reserve {
            if test.next_timeout().is_some_and(|due| due <= now) {
                test.handle_timeout(&mut self.numbers, now);
            }
            if let Some(doors) = test.verdict(now) {
                self.turns.tunnels.break_off();
                test.stop();
                self.act();
                let tunnels = Tunnel::all(&self.places);
                let spot = |door: Door| through(tunnels[door.subject], door.out);
                let mut spots: Vec<Spot> = doors.into_iter().map(spot).collect();
                spots.sort_by_key(|spot| Some(spot.path) == self.avoid);
                self.reserve = Reserve::Ready(spots);
            } else if let Some(failures) = test.failures() {
                let tunnels = Tunnel::all(&self.places);
                let failures = self.turns.tunnels.note(test.tried(), failures);
                let failures = failures.into_iter();
                let troubles = failures.map(|(door, why)| trouble(tunnels[door.subject], why));
                self.tunnels_wrong = troubles.collect();
                self.act();
                self.reserve = Reserve::Spent;
            } else {
                test.go_on();
            }
        }
        self.use_reserve(now);
    }

    /// When tunnels that have answered are taken; `None` if not yet to be said.
    pub(super) fn reserve_is_used_at(&self) -> Option<Instant> {
        let Reserve::Ready(_) = self.reserve else {
            return None;
        };
        if self.agreeing.is_some() {
            return None;
        }
        match &self.state {
            State::Testing(test) if !test.is_answered(self.last_choice()) => {
                Some(test.began() + STRAIGHT)
            }
            State::Asking(asking) if asking.is_idle() => Some(self.silence),
            State::Asking(asking) if asking.is_unheard() => Some(self.silence + LAST_RESORT),
            _ => None,
        }
    }

    fn use_reserve(&mut self, now: Instant) {
        if matches!(&self.state, State::Asking(asking) if asking.is_idle())
            && matches!(self.reserve, Reserve::Spent)
        {
            return self.round_over(now);
        }
        if self.reserve_is_used_at().is_none_or(|at| at > now) {
            return;
        }
        let Reserve::Ready(spots) = &self.reserve else {
            return;
        };
        let choice = spots[0].zone;
        if self.agree_on(choice, now) {
            return;
        }
        let Reserve::Ready(spots) = std::mem::replace(&mut self.reserve, Reserve::Spent) else {
            return;
        };
        if matches!(self.state, State::Testing(_)) {
            return self.ask_beyond(spots, &[], now);
        }
        self.cancel_current();
        self.prefer(&spots);
        self.ask_next(now);
    }

    /// The meeting is in this zone.
    pub(super) fn prefer_tunnels_of(&mut self, zone: usize) {
        match &mut self.reserve {
            Reserve::Testing(test) => {
                let tunnels = Tunnel::all(&self.places);
                test.host(|subject| tunnels[subject].zone == zone);
            }
            Reserve::Ready(spots) => {
                let avoid = self.avoid;
                spots.sort_by_key(|spot| (Some(spot.path) == avoid, spot.zone != zone));
            }
            Reserve::None | Reserve::Due(_) | Reserve::Spent => {}
        }
    }

    fn prefer(&mut self, spots: &[Spot]) {
        if let State::Asking(asking) = &mut self.state {
            asking.prefer(spots);
        }
    }

    /// What is wrong with the tunnels, as far as is known.
    pub(super) fn troubles_of_tunnels(&self) -> Vec<Trouble> {
        let mut troubles = self.tunnels_wrong.clone();
        if let Reserve::Testing(test) = &self.reserve {
            let tunnels = Tunnel::all(&self.places);
            let failures = test.so_far();
            troubles
                .extend(failures.map(|(door, why)| trouble(tunnels[door.subject], why.clone())));
        }
        troubles
    }

    /// A zone has spoken while others are looked at: none of its tunnels is to win.
    pub(super) fn spare_tunnels(&mut self, zone: usize, now: Instant) {
        let pinged = matches!(self.reserve, Reserve::Testing(_) | Reserve::Ready(_));
        if pinged && !self.places.zones[zone].tunnels.is_empty() {
            self.put_reserve_away();
            self.ping_tunnels(now);
        }
    }

    fn ping_tunnels(&mut self, now: Instant) {
        let reached = self.late.map(|refused| refused.spot.zone);
        let subject = |tunnel: Tunnel| {
            let zone = &self.places.zones[tunnel.zone];
            Subject {
                hosts: zone.hosts,
                load: zone.load,
                doors: usize::from(reached != Some(tunnel.zone)),
            }
        };
        let plan = Plan {
            subjects: Tunnel::all(&self.places).into_iter().map(subject).collect(),
            outs: (0..self.setting.outs).map(Out).collect(),
            at_once: true,
            tried: self.turns.tunnels.tried(),
        };
        let test = Test::new(plan, &mut self.numbers, now);
        self.reserve = Reserve::Testing(test);
    }
}

const fn trouble(tunnel: Tunnel, failure: Failure) -> Trouble {
    Trouble {
        server: Server::Tunnel(tunnel),
        failure,
    }
}

const fn through(tunnel: Tunnel, out: Out) -> Spot {
    Spot {
        zone: tunnel.zone,
        first: None,
        path: Path {
            out,
            tunnel: Some(tunnel),
        },
    }
}
