//! What happens while connecting, and what is to be done about it: the words in which
//! [`Connecting`](super::Connecting) is spoken to.

use std::time::Duration;

use plenum_transport::route::ProxyProblem;
use plenum_wire::ZoneName;
use plenum_wire::directory::DirectoryProblem;
use plenum_wire::join::{Offer, Problem};

use super::places::Places;
use crate::error::JoinError;

/// One thing that the caller was asked to do; numbered through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt(pub u32);

/// Gives each attempt its number.
#[derive(Debug, Default)]
pub(super) struct Numbers(u32);

impl Numbers {
    pub(super) const fn next(&mut self) -> Attempt {
        self.0 = self.0.wrapping_add(1);
        Attempt(self.0)
    }
}

/// A way out of the network that this machine is in, directly or by a proxy: its place among
/// those found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Out(pub usize);

/// A tunnel: its zone's place in the answer, its own among the zone's tunnels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tunnel {
    /// Which zone.
    pub zone: usize,
    /// Which of its tunnels.
    pub index: usize,
}

/// How to reach a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    /// Out of here.
    pub out: Out,
    /// And through a tunnel, where nothing else works.
    pub tunnel: Option<Tunnel>,
}

/// Why something could not be reached. The later ones tell more, and are told first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Nobody answered in time.
    Silent,
    /// Refused, reset, no way there.
    Refused,
    /// The name is in no DNS.
    UnknownName,
    /// Something answers that has nothing behind it: a load balancer.
    NotReady,
    /// An answer that makes no sense.
    Nonsense,
    /// The proxy cannot be reached.
    ProxyAway,
    /// The proxy does not let us there.
    ProxyForbids,
    /// The certificate is nobody's whom we trust.
    Untrusted,
    /// The proxy wants a password, or another one.
    ProxyLogin,
    /// The network seems to answer itself, until somebody signs in to it. A suspicion: a web
    /// server beside the one that was asked may look like that.
    Portal,
}

impl Fault {
    /// Whether asking again can help without anybody doing something, as far as one look can
    /// tell.
    #[must_use]
    pub const fn passes(self) -> bool {
        matches!(
            self,
            Self::Silent
                | Self::Refused
                | Self::UnknownName
                | Self::NotReady
                | Self::Nonsense
                | Self::ProxyAway
        )
    }
}

/// What could not be reached, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// For programs.
    pub fault: Fault,
    /// Which address, or which proxy.
    pub at: String,
    /// For people.
    pub reason: String,
    /// What is wrong with the proxy, if that is it.
    pub proxy: Option<ProxyProblem>,
}

impl Failure {
    /// Of two tries of one server what leaves more to hope for: its address may stand for
    /// several, of which one is set up wrongly.
    #[must_use]
    pub fn or_hope(self, other: Self) -> Self {
        let hope = |it: &Self| (it.fault.passes(), it.fault == Fault::Portal);
        if hope(&other) > hope(&self) {
            other
        } else {
            self
        }
    }
}

/// Who was asked for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Server {
    /// A directory, by its place in the list.
    Directory(usize),
    /// A controller: its zone's place, its own.
    Controller(usize, usize),
    /// A tunnel, or what is behind it.
    Tunnel(Tunnel),
}

/// What is wrong with a server, seen by one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    pub server: Server,
    pub failure: Failure,
}

/// What kept a lookup from an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unanswered {
    /// The directory said no, and after how long to ask again.
    Denied(DirectoryProblem, Option<Duration>),
    /// It did not say anything.
    Failed(Failure),
}

/// What kept a zone from an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setback {
    /// The zone said no, and after how long to ask again.
    Refused(Problem, Option<Duration>),
    /// It did not say anything: which of its controllers were asked, and what was wrong with
    /// each.
    Failed(Vec<(usize, Failure)>),
}

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// A directory can be reached, or cannot.
    Reached(Attempt, Result<(), Failure>),
    /// A directory answered, or did not.
    Lookup(Attempt, Result<Places, Unanswered>),
    /// What was pinged answered, after so long: at first with connecting and TLS.
    Pong(Attempt, Duration),
    /// It cannot be reached.
    PingFailed(Attempt, Failure),
    /// A zone answered, or did not.
    Answer(Attempt, Result<Box<Offer>, Setback>),
}

impl Input {
    /// What it answers.
    #[must_use]
    pub const fn attempt(&self) -> Attempt {
        match self {
            Self::Reached(attempt, _)
            | Self::Lookup(attempt, _)
            | Self::Pong(attempt, _)
            | Self::PingFailed(attempt, _)
            | Self::Answer(attempt, _) => *attempt,
        }
    }
}

/// What is pinged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A controller: its zone's place, its own.
    Controller(usize, usize),
    /// A tunnel.
    Tunnel(Tunnel),
}

/// What the caller is to do.
#[derive(Debug, PartialEq)]
pub enum Action {
    /// Find out whether a directory can be reached, without asking it anything that counts;
    /// answer with [`Input::Reached`].
    Reach {
        /// The number to answer with.
        attempt: Attempt,
        /// Its place in the list.
        directory: usize,
        /// By which way out.
        out: Out,
    },
    /// Ask a directory; answer with [`Input::Lookup`].
    Lookup {
        /// The number to answer with.
        attempt: Attempt,
        /// Its place in the list.
        directory: usize,
        /// By which way out.
        out: Out,
        /// To be sent along: proves who asks again.
        waiting: Option<String>,
        /// To be sent along: which zone is chosen for a meeting that is nowhere yet.
        begin_in: Option<ZoneName>,
    },
    /// Ping something; answer with [`Input::Pong`] or [`Input::PingFailed`].
    Ping {
        /// The number to answer with.
        attempt: Attempt,
        /// What.
        target: Target,
        /// By which way out.
        out: Out,
    },
    /// Ping it again, on the same connection.
    PingAgain {
        /// The same number as before.
        attempt: Attempt,
        /// What.
        target: Target,
        /// By which way out.
        out: Out,
    },
    /// Ask a zone for a router, hedged; answer with [`Input::Answer`].
    Ask {
        /// The number to answer with.
        attempt: Attempt,
        /// Its place in the answer.
        zone: usize,
        /// Which of its controllers to ask first; any, if it does not matter.
        first: Option<usize>,
        /// How to get there.
        path: Path,
        /// Routers that failed long ago may be offered again.
        forgive: bool,
    },
    /// Stop this; an answer comes too late.
    Cancel(Attempt),
    /// The user has to wait for somebody, or something.
    Tell(News),
    /// The end.
    Done(Result<Box<Found>, JoinError>),
}

/// What the user hears of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// A host has to let us in.
    WaitingForHost,
    /// The meeting has not begun.
    NotYet,
}

/// Somebody else decides how long it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// By which directories know who knocked, where it is a host.
    pub admission: Option<String>,
}

/// A router, and how to get there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The router.
    pub offer: Box<Offer>,
    /// Its zone's place in the answer.
    pub zone: usize,
    /// How it was reached.
    pub path: Path,
    /// How long each step took.
    pub steps: Steps,
}

/// How long the steps of a join took; `None` for those that were not needed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Steps {
    /// Until the directory answered, the waiting room included.
    pub lookup: Option<Duration>,
    /// Until the zone was chosen, by the last network test if there were several.
    pub test: Option<Duration>,
    /// Until it offered a router, with the time for which zones were full before.
    pub router: Option<Duration>,
    /// Until everything was connected.
    pub media: Option<Duration>,
}
