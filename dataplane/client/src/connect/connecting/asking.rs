//! The third step: asking zones for a router, one after the other.

use std::time::{Duration, Instant};

use plenum_wire::join::{Offer, Problem};
use url::Url;

use super::closed;
use super::in_vain::lacks_routers;
use super::round::{Asking, Refused, Spot};
use super::{Connecting, EXCLUDE, QUICK, Setback, State, Then};
use crate::connect::places::Places;
use crate::connect::words::{Action, Attempt, Failure, Fault, Path, Server, Trouble};

impl Connecting {
    /// Asks these, one after the other.
    pub(super) fn ask_round(&mut self, round: Asking, now: Instant) {
        self.closed.open(now);
        self.state = State::Asking(round);
        if let Some(refused) = self.late.take() {
            self.count(refused, now);
        }
        self.ask_next(now);
    }

    /// Back to where the participant was, by the way that it came if that is straight.
    pub(super) fn come_back(&mut self, zone: usize, path: Path, now: Instant) {
        self.zones_began = now;
        self.silence = now;
        if path.tunnel.is_some() || self.avoid == Some(path) {
            return self.test(now);
        }
        let spot = Spot {
            zone,
            first: None,
            path,
        };
        self.ask_round(Asking::home(spot, now + QUICK), now);
    }

    /// The zone is silent that was there a moment ago: perhaps the network is another one. Its
    /// answer still counts: it may only be far away.
    pub(super) fn look_around(&mut self, now: Instant) {
        let home = match &mut self.state {
            State::Asking(asking) => asking.let_go(),
            _ => None,
        };
        self.test_on(now);
        self.aside = home;
    }

    pub(super) fn cancel_current(&mut self) {
        if let State::Asking(asking) = &mut self.state
            && let Some(attempt) = asking.put_back()
        {
            self.actions.push_back(Action::Cancel(attempt));
        }
    }

    pub(super) fn ask_next(&mut self, now: Instant) {
        let State::Asking(asking) = &mut self.state else {
            return;
        };
        let Some(spot) = asking.next(&self.closed, now) else {
            return self.round_over(now);
        };
        // Its answer may be on the way.
        if let Some((attempt, _)) = self.aside.take_if(|(_, it)| it.is(&spot)) {
            return asking.wait_for(attempt, spot, now);
        }
        let attempt = self.numbers.next();
        asking.wait_for(attempt, spot, now);
        self.put(attempt, &spot, now);
    }

    /// The question itself.
    pub(super) fn put(&mut self, attempt: Attempt, spot: &Spot, now: Instant) {
        self.tries += 1;
        self.actions.push_back(Action::Ask {
            attempt,
            zone: spot.zone,
            first: spot.first,
            path: spot.path,
            forgive: now - self.began >= EXCLUDE,
        });
    }

    /// Whoever was asked says something, in its turn or beside the others.
    pub(super) fn handle_answer(
        &mut self,
        attempt: Attempt,
        answer: Result<Box<Offer>, Setback>,
        now: Instant,
    ) {
        let Some(spot) = self.take_asked(attempt) else {
            return;
        };
        match answer {
            Ok(offer) => return self.found(offer, &spot, now),
            // The directory and the other zones know of no other end than this.
            Err(Setback::Refused(problem, _)) if self.was_in_one_that_ended(&problem) => {
                self.refusal = Some(problem);
                return self.give_up(now);
            }
            Err(Setback::Refused(problem, after)) => {
                self.handle_refusal(spot, problem, after, now);
            }
            Err(Setback::Failed(failures)) => {
                let troubles = troubles(&self.places, &spot, failures);
                if let Some(round) = self.state.round() {
                    round.know(troubles);
                }
            }
        }
        if matches!(&self.state, State::Asking(round) if round.is_idle()) {
            self.ask_next(now);
        }
    }

    /// Who was asked this.
    fn take_asked(&mut self, attempt: Attempt) -> Option<Spot> {
        let asked = match &mut self.state {
            State::Asking(asking) => asking.take_answered(attempt),
            _ => None,
        };
        let aside = |(it, _): &mut (Attempt, Spot)| *it == attempt;
        asked.or_else(|| Some(self.aside.take_if(aside)?.1))
    }

    /// Somebody has spoken, and has no router for us.
    fn handle_refusal(
        &mut self,
        spot: Spot,
        problem: Problem,
        after: Option<Duration>,
        now: Instant,
    ) {
        self.silence = now;
        let code = problem.code;
        // Of those who refuse for good in one round the first one counts: it was the best.
        let refused = self.state.round().is_some_and(|round| round.is_refused());
        if code.passes() || !refused {
            self.refusal = Some(problem);
        }
        let until = closed::until(after, now);
        self.count(Refused { spot, code, until }, now);
    }

    /// In the round that goes on, or begins in a moment. What comes while the others are being
    /// looked at counts in the round that follows: that look may show only tunnels.
    fn count(&mut self, refused: Refused, now: Instant) {
        let Refused { spot, code, until } = refused;
        let passes = code.passes();
        let stays = passes && !lacks_routers(code) && meets(&self.places, self.home)(spot.zone);
        let Some(round) = self.state.round() else {
            self.late = Some(refused);
            if stays {
                // Of the others only those are asked where the meeting is, and that is known.
                self.ask_beyond(Vec::new(), &[], now);
            } else {
                self.spare_tunnels(spot.zone, now);
            }
            return;
        };
        if !passes {
            round.refuse();
        }
        if stays {
            self.stay();
        }
        if passes {
            self.closed.close(spot.zone, until);
            self.fill(spot, now);
        }
        self.put_reserve_away();
    }

    /// Somebody has no room for now. A round that has not begun asks it too, and waits no longer for
    /// the others than this one wants to be waited for.
    fn fill(&mut self, spot: Spot, now: Instant) {
        match &mut self.state {
            State::Asking(round) => round.fill(spot),
            State::Pausing {
                until,
                then: Then::Ask(round),
            } => {
                round.take_in(spot);
                let backed_off = now + self.backoff.wait();
                let opens = self.closed.opens_zone(spot.zone);
                let soonest = opens.map_or(backed_off, |at| at.max(backed_off));
                *until = soonest.min(*until);
            }
            _ => {}
        }
    }

    /// This is where the meeting is, and it is not the zone that is full: nobody else is looked
    /// for, or asked; unless a directory is, which may name others. Questions to where it is too go
    /// on.
    fn stay(&mut self) {
        self.leave_elsewhere();
        let meets = meets(&self.places, self.home);
        if let Some(round) = self.state.round() {
            round.stay_where(meets);
        }
    }

    /// No answer is wanted of who is asked where the meeting is not.
    fn leave_elsewhere(&mut self) {
        let elsewhere = |spot: &Spot| !meets(&self.places, self.home)(spot.zone);
        let current =
            matches!(&self.state, State::Asking(round) if round.asked().is_some_and(elsewhere));
        let aside = self.aside.as_ref().is_some_and(|(_, spot)| elsewhere(spot));
        if current {
            self.cancel_current();
        }
        if aside {
            self.leave_aside();
        }
    }

    /// Everybody was asked, and nobody had a router.
    pub(super) fn round_over(&mut self, now: Instant) {
        let State::Asking(asking) = &mut self.state else {
            return;
        };
        if asking.is_unheard() && asking.is_at_home() {
            return self.test_on(now);
        }
        asking.call_later();
        if asking.goes_on() {
            return self.ask_next(now);
        }
        let unheard = asking.is_unheard();
        if self.take_slow_back(now) || unheard && self.call_reserve(now) {
            return;
        }
        let State::Asking(asking) = &mut self.state else {
            return;
        };
        let asking = std::mem::take(asking);
        if asking.is_full() {
            return self.wait_for_room(asking, now);
        }
        if asking.is_refused() && !asking.hopes() {
            return self.refused(asking.is_at_home(), now);
        }
        self.unreachable(asking, now);
    }
}

/// Where the meeting is, as far as is known: the others of it are there.
pub(super) fn meets(places: &Places, home: Option<usize>) -> impl Fn(usize) -> bool {
    move |zone| home == Some(zone) || places.zones[zone].hosts
}

/// What is wrong with the zone's controllers, or with the tunnel that should have led there: what
/// that says as a proxy is no word of this network's own.
pub(super) fn troubles(
    places: &Places,
    spot: &Spot,
    failures: Vec<(usize, Failure)>,
) -> Vec<Trouble> {
    let Some(tunnel) = spot.path.tunnel else {
        let trouble = |(place, failure)| Trouble {
            server: Server::Controller(spot.zone, place),
            failure,
        };
        return failures.into_iter().map(trouble).collect();
    };
    let address = &places.zones[tunnel.zone].tunnels[tunnel.index];
    let failures = failures.into_iter().map(|(_, failure)| {
        if failure.proxy.is_some() && is_at(address, &failure.at) {
            Failure {
                fault: Fault::Refused,
                at: address.clone(),
                proxy: None,
                ..failure
            }
        } else {
            failure
        }
    });
    // A tunnel leads somewhere as long as one of them may come.
    let failure = failures.reduce(Failure::or_hope);
    let server = Server::Tunnel(tunnel);
    let trouble = |failure| Trouble { server, failure };
    failure.map(trouble).into_iter().collect()
}

fn is_at(address: &str, host_and_port: &str) -> bool {
    Url::parse(address).is_ok_and(|url| {
        let port = url.port_or_known_default().unwrap_or_default();
        format!("{}:{port}", url.host_str().unwrap_or_default()) == host_and_port
    })
}
