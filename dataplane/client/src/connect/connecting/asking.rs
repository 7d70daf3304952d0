//! The third step: asking zones for a router, one after the other.

use std::collections::VecDeque;
use std::time::Instant;

use plenum_wire::join::Offer;
use url::Url;

use super::in_vain::lacks_routers;
use super::round::{Asking, Spot};
use super::{Connecting, EXCLUDE, QUICK, Setback, State};
use crate::connect::places::Places;
use crate::connect::words::{Action, Attempt, Failure, Fault, Path, Server, Trouble};

impl Connecting {
    /// Asks these, one after the other.
    pub(super) fn ask(&mut self, spots: Vec<Spot>, quick: Option<Instant>, now: Instant) {
        let mut round = Asking::beyond(spots, VecDeque::new(), Vec::new());
        round.quick = quick;
        self.ask_round(round, now);
    }

    pub(super) fn ask_round(&mut self, round: Asking, now: Instant) {
        self.closed.open(now);
        self.state = State::Asking(round);
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
        self.ask(vec![spot], Some(now + QUICK), now);
    }

    /// The zone is silent that was there a moment ago: perhaps the network is another one. Its
    /// answer still counts: it may only be far away.
    pub(super) fn look_around(&mut self, now: Instant) {
        let home = match &mut self.state {
            State::Asking(asking) => asking.current.take(),
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
        let attempt = self.numbers.next();
        asking.current = Some((attempt, spot));
        if self.aside.is_some_and(|(_, it)| it.zone == spot.zone) {
            self.leave_aside();
        }
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

    pub(super) fn handle_answer(
        &mut self,
        attempt: Attempt,
        answer: Result<Box<Offer>, Setback>,
        now: Instant,
    ) {
        if let Some((_, spot)) = self.aside.take_if(|(it, _)| *it == attempt) {
            return self.handle_aside(spot, answer, now);
        }
        let State::Asking(asking) = &mut self.state else {
            return;
        };
        let Some((_, spot)) = asking.current.take_if(|(it, _)| *it == attempt) else {
            return;
        };
        match answer {
            Ok(offer) => return self.found(offer, &spot, now),
            Err(Setback::Refused(problem, after)) => {
                self.refusal = Some(problem.clone());
                self.silence = now;
                if problem.code.passes() {
                    self.closed.close(spot.zone, after, now);
                    asking.full = true;
                    asking.include(spot);
                    if !lacks_routers(problem.code) {
                        let meets = meets(&self.places, self.home);
                        asking.stay_where(meets, spot);
                    }
                } else {
                    // What the first one says counts: it was the best.
                    asking.refused.get_or_insert(problem);
                }
                self.put_reserve_away();
            }
            Err(Setback::Failed(failures)) => {
                let troubles = troubles(&self.places, &spot, failures);
                asking.troubles.extend(troubles);
            }
        }
        self.ask_next(now);
    }

    /// Everybody was asked, and nobody had a router.
    pub(super) fn round_over(&mut self, now: Instant) {
        let State::Asking(asking) = &mut self.state else {
            return;
        };
        if asking.is_unheard() && asking.quick.is_some() {
            return self.test_on(now);
        }
        asking.call_later();
        if !asking.left.is_empty() {
            return self.ask_next(now);
        }
        if asking.is_unheard() && self.call_reserve(now) {
            return;
        }
        let State::Asking(asking) = &mut self.state else {
            return;
        };
        let mut asking = std::mem::take(asking);
        if asking.full {
            return self.wait_for_room(asking, now);
        }
        if let Some(problem) = asking.refused.take() {
            return self.refused(problem, asking.is_at_home(), now);
        }
        self.unreachable(asking.troubles, asking.round, now);
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
