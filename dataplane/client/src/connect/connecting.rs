//! Getting to a router: lookup, network test, asking for a router, and tunnels.
//!
//! ```text
//! LookingUp -> Testing -> Asking -> a router
//!     ^           ^ |        |
//!     +- Pausing -+ +-tunnels+     what passes is asked again until the deadline
//! ```
//!
//! Beside them: the tunnels, held in reserve; a lookup, where the places lead nowhere; another that
//! names the choice, where the meeting is in no zone yet; and one zone that is slow or silent, where
//! the others are full.
//!
//! Guarantees: exactly one [`Action::Done`], not later than the deadline, or than the patience
//! in a waiting room; nothing after it; a controller that answers is preferred to a tunnel,
//! which is asked only when none has answered. Nothing that one server, one way or one router
//! did wrong keeps anybody from the others.

mod aside;
mod asking;
mod beginning;
mod closed;
mod endings;
mod hope;
mod in_vain;
mod informing;
mod renewing;
mod reserve;
mod round;
mod testing;
mod turns;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use plenum_wire::MeetingId;
use plenum_wire::directory::DirectoryProblem;
use plenum_wire::join::Offer;

use super::looking::{self, Looking};
use super::measure::{self, Door, Test};
use super::places::Places;
use super::words::{
    Action, Attempt, Found, Input, News, Numbers, Out, Path, Setback, Steps, Target, Trouble,
    Tunnel, Waiting,
};
use crate::backoff::Backoff;
use crate::error::JoinError;
use beginning::Agreeing;
use closed::Closed;
use hope::Doubt;
use renewing::Renewal;
use reserve::Reserve;
use round::{Asking, Refused, Spot};
use testing::SHOWN;
use turns::Turns;

/// How long a zone that was left a moment ago is waited for before the others are looked at.
const QUICK: Duration = Duration::from_millis(700);
/// How long routers stay excluded: then even a zone with no other may offer one again.
const EXCLUDE: Duration = Duration::from_secs(2);

/// What to connect to, and what is known of the way.
#[derive(Debug, Clone)]
pub struct Setting {
    /// For the sentences.
    pub meeting: MeetingId,
    /// Where the meeting is looked up; with none `known` is what the user gave.
    pub directories: Vec<String>,
    /// How many ways out of the network there are, the straight one first; at least one.
    pub outs: usize,
    /// From an earlier lookup, or from the user.
    pub known: Option<Places>,
    /// Where the participant was by `known`, when it comes back: its ticket opens that zone's
    /// door.
    pub back: Option<(usize, Path)>,
    /// A way by which routers could not be reached just now: the last choice.
    pub avoid: Option<Path>,
    /// By which directories know whom a host has let in before.
    pub admission: Option<String>,
    /// How long to try.
    pub within: Duration,
    /// How long to wait for a host, or for the meeting to begin; not at all, if zero.
    pub patience: Duration,
    /// Spreads the waits of many participants.
    pub seed: u64,
}

#[derive(Debug)]
enum State {
    LookingUp(Looking),
    Testing(Test),
    Asking(Asking),
    Pausing { until: Instant, then: Then },
    Ended,
}

#[derive(Debug)]
enum Then {
    LookUp,
    Test,
    Ask(Box<Asking>),
}

impl State {
    /// The round that goes on, or does in a moment.
    fn round(&mut self) -> Option<&mut Asking> {
        match self {
            Self::Asking(round) => Some(round),
            Self::Pausing {
                then: Then::Ask(round),
                ..
            } => Some(&mut **round),
            _ => None,
        }
    }
}

/// One way from a meeting's number to a router.
#[derive(Debug)]
pub struct Connecting {
    setting: Setting,
    places: Places,
    /// The zone that the participant was in, by `places`.
    home: Option<usize>,
    /// It was in a tunnel.
    from_tunnel: bool,
    /// As in [`Setting`], by `places`, until a round has failed without it.
    avoid: Option<Path>,
    /// The places come from a lookup of this time.
    fresh: bool,
    renewal: Renewal,
    state: State,
    /// Who answered the last lookup, and by which way.
    informant: Option<looking::Asked>,
    /// As in [`Setting`]; from the knock at a waiting room on, that of this knock.
    admission: Option<String>,
    told: Option<News>,
    reserve: Reserve,
    /// Who is asked beside the others.
    aside: Option<(Attempt, Spot)>,
    closed: Closed,
    /// What was said while there was no round for it to count in.
    late: Option<Refused>,
    /// How long the next network test counts while somebody is full.
    holds: Duration,
    /// Where to begin is being agreed on.
    agreeing: Option<Agreeing>,
    turns: Turns,
    numbers: Numbers,
    backoff: Backoff,
    began: Instant,
    /// When the second step began.
    zones_began: Instant,
    /// Since when zones have been tried and none has spoken.
    silence: Instant,
    deadline: Instant,
    tries: u32,
    /// What was wrong when last all ways had failed.
    troubles: Vec<Trouble>,
    /// What is wrong with the tunnels, once all of them have failed.
    tunnels_wrong: Vec<Trouble>,
    doubt: Doubt,
    /// What a zone said last; of those who refuse for good in one round, the first.
    refusal: Option<plenum_wire::join::Problem>,
    denial: Option<DirectoryProblem>,
    steps: Steps,
    actions: VecDeque<Action>,
}

impl Connecting {
    /// Starts.
    #[must_use]
    pub fn new(setting: Setting, now: Instant) -> Self {
        let mut connecting = Self {
            places: setting.known.clone().unwrap_or_default(),
            home: setting.back.map(|(zone, _)| zone),
            from_tunnel: setting.back.is_some_and(|(_, path)| path.tunnel.is_some()),
            avoid: setting.avoid,
            fresh: false,
            renewal: Renewal::None,
            state: State::Ended,
            informant: None,
            admission: setting.admission.clone(),
            told: None,
            reserve: Reserve::None,
            aside: None,
            closed: Closed::default(),
            late: None,
            holds: SHOWN,
            agreeing: None,
            turns: Turns::default(),
            numbers: Numbers::default(),
            backoff: Backoff::new(setting.seed),
            began: now,
            zones_began: now,
            silence: now,
            deadline: now + setting.within,
            tries: 0,
            troubles: Vec::new(),
            tunnels_wrong: Vec::new(),
            doubt: Doubt::default(),
            refusal: None,
            denial: None,
            steps: Steps::default(),
            actions: VecDeque::new(),
            setting,
        };
        connecting.begin(now);
        connecting
    }

    /// Takes what happened. What was cancelled may still come, and is ignored.
    pub fn handle(&mut self, input: Input, now: Instant) {
        match input {
            Input::Reached(attempt, reached) => self.handle_reached(attempt, reached, now),
            Input::Lookup(attempt, answer) => self.handle_lookup(attempt, answer, now),
            Input::Answer(attempt, answer) => self.handle_answer(attempt, answer, now),
            Input::Pong(attempt, took) => {
                self.handle_ping(attempt, |test, _| test.handle_pong(attempt, took));
            }
            Input::PingFailed(attempt, failure) => {
                self.handle_ping(attempt, |test, numbers| {
                    test.handle_failed(attempt, failure, numbers, now);
                });
            }
        }
        self.look(now);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if matches!(self.state, State::Ended) {
            return;
        }
        if now >= self.deadline {
            return self.time_is_up(now);
        }
        if self.goes_on_at().is_some_and(|at| at <= now) {
            self.go_on_beside(now);
        }
        match &mut self.state {
            State::LookingUp(looking) => looking.handle_timeout(&mut self.numbers, now),
            State::Testing(test) => test.handle_timeout(&mut self.numbers, now),
            State::Asking(asking) if asking.is_overdue(now) => self.look_around(now),
            State::Pausing { until, .. } if *until <= now => self.go_on(now),
            State::Asking(_) | State::Pausing { .. } | State::Ended => {}
        }
        self.look(now);
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`Connecting::handle_timeout`] has something to do.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        let own = match &self.state {
            State::Ended => return None,
            State::LookingUp(looking) => looking.next_timeout(),
            State::Testing(test) => test.next_timeout(),
            State::Asking(asking) => asking.next_timeout(),
            State::Pausing { until, .. } => Some(*until),
        };
        let reserve = self.reserve.next_timeout().or(self.reserve_is_used_at());
        let beside = reserve.into_iter().chain(self.renewal_timeout());
        let beside = beside.chain(self.goes_on_at());
        let beside = beside.chain(self.agreeing.as_ref().map(Agreeing::until));
        own.into_iter().chain(beside).chain([self.deadline]).min()
    }

    /// For the next time that somebody comes back.
    #[must_use]
    pub const fn admission(&self) -> Option<&String> {
        self.admission.as_ref()
    }

    /// Whether somebody is being waited for. Who was told keeps it when the wait is over: that
    /// there was one stays true of this question.
    pub(super) fn waiting(&self) -> Option<Waiting> {
        let admission = self.admission.clone();
        self.told.map(|_| Waiting { admission })
    }

    /// What the directory answered last, or the user gave.
    #[must_use]
    pub const fn places(&self) -> &Places {
        &self.places
    }

    fn begin(&mut self, now: Instant) {
        if self.setting.outs == 0 {
            let what = "there is no way out of this network to try".to_owned();
            return self.end(Err(JoinError::Configuration(what)));
        }
        let expired = self.places.expires.is_some_and(|expires| expires <= now);
        let known = self.setting.known.is_some();
        if known && !self.setting.directories.is_empty() {
            self.renewal = Renewal::of_kept(now);
        }
        match self.setting.back {
            // Who comes back needs no token: the ticket opens the door.
            Some((zone, path)) if known => self.come_back(zone, path, now),
            _ if known && !expired => self.enter(now),
            _ if self.setting.directories.is_empty() => {
                let what = "neither a directory nor a zone was given: write the address of one";
                self.end(Err(JoinError::Configuration(what.to_owned())));
            }
            _ => self.look_up(now),
        }
        self.look(now);
    }

    /// Whether something has been decided.
    fn look(&mut self, now: Instant) {
        self.look_at_agreeing(now);
        self.look_at_reserve(now);
        self.look_at_test(now);
        self.look_at_renewal(now);
        self.act();
    }

    /// Passes on what the parts want done.
    fn act(&mut self) {
        if let State::LookingUp(looking) = &mut self.state {
            self.actions
                .extend(lookups(looking, self.admission.as_ref()));
        }
        if let Renewal::Asking(looking) = &mut self.renewal {
            self.actions
                .extend(lookups(looking, self.admission.as_ref()));
        }
        if let State::Testing(test) = &mut self.state {
            let target = |door: Door| Target::Controller(door.subject, door.door);
            self.actions.extend(pings(test, target));
        }
        if let Reserve::Testing(test) = &mut self.reserve {
            let tunnels = Tunnel::all(&self.places);
            let target = |door: Door| Target::Tunnel(tunnels[door.subject]);
            self.actions.extend(pings(test, target));
        }
    }

    fn pause(&mut self, wait: Duration, then: Then, now: Instant) {
        let until = now + wait;
        if until >= self.deadline {
            return self.time_is_up(now);
        }
        self.state = State::Pausing { until, then };
    }

    fn go_on(&mut self, now: Instant) {
        let State::Pausing { then, .. } = std::mem::replace(&mut self.state, State::Ended) else {
            return;
        };
        self.silence = now;
        match then {
            Then::LookUp => self.look_up(now),
            Then::Test => self.test(now),
            Then::Ask(round) => self.ask_round(*round, now),
        }
    }

    fn backoff_after(&mut self, after: Option<Duration>) -> Duration {
        let wait = self.backoff.wait();
        after.map_or(wait, |after| wait.max(after))
    }

    fn found(&mut self, offer: Box<Offer>, spot: &Spot, now: Instant) {
        let before = self
            .steps
            .test
            .map_or(self.zones_began, |test| self.zones_began + test);
        self.steps.router = Some(now.saturating_duration_since(before));
        self.places.enter(spot.zone);
        self.end(Ok(Box::new(Found {
            offer,
            zone: spot.zone,
            path: spot.path,
            steps: self.steps,
        })));
    }
}

const fn straight(out: Out) -> Path {
    Path { out, tunnel: None }
}

fn lookups(looking: &mut Looking, waiting: Option<&String>) -> Vec<Action> {
    std::iter::from_fn(|| looking.poll())
        .map(|step| match step {
            looking::Step::Reach(attempt, (directory, out)) => Action::Reach {
                attempt,
                directory,
                out,
            },
            looking::Step::Ask(attempt, (directory, out)) => Action::Lookup {
                attempt,
                directory,
                out,
                waiting: waiting.cloned(),
                begin_in: None,
            },
            looking::Step::Cancel(attempt) => Action::Cancel(attempt),
        })
        .collect()
}

fn pings(test: &mut Test, target: impl Fn(Door) -> Target) -> Vec<Action> {
    std::iter::from_fn(|| test.poll())
        .map(|step| match step {
            measure::Step::Ping(attempt, door) => Action::Ping {
                attempt,
                target: target(door),
                out: door.out,
            },
            measure::Step::Again(attempt, door) => Action::PingAgain {
                attempt,
                target: target(door),
                out: door.out,
            },
            measure::Step::Cancel(attempt) => Action::Cancel(attempt),
        })
        .collect()
}

#[cfg(test)]
mod tests;
