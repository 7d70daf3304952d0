//! Why a way leads nowhere, told apart by what to do next.

use std::io;
use std::time::Duration;

/// Why a route could not be taken to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// The host or the port cannot be.
    #[error("{0}")]
    Request(String),
    /// On the direct way: the name has no address here.
    #[error("the name {host} is not known here ({reason})")]
    UnknownName {
        /// The name.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// On the direct way: the network or the host refused.
    #[error("{target} cannot be reached: {reason}")]
    Unreachable {
        /// The host and port.
        target: String,
        /// How it refused.
        kind: io::ErrorKind,
        /// The same in words.
        reason: String,
    },
    /// On the direct way: nothing answered.
    #[error("{target} does not answer")]
    TimedOut {
        /// The host and port.
        target: String,
    },
    /// A proxy on the way is the end of it.
    #[error("the proxy {proxy} {problem}")]
    Proxy {
        /// The proxy's host and port.
        proxy: String,
        /// What is wrong with it.
        problem: ProxyProblem,
    },
}

impl RouteError {
    /// What is wrong with a proxy, if it is a proxy.
    #[must_use]
    pub const fn proxy_problem(&self) -> Option<&ProxyProblem> {
        match self {
            Self::Proxy { problem, .. } => Some(problem),
            _ => None,
        }
    }
}

/// What keeps a proxy from letting us through.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProxyProblem {
    /// Its name has no address here.
    #[error("has a name that is not known here ({0})")]
    UnknownName(String),
    /// It cannot be reached, or hung up.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// It does not answer.
    #[error("does not answer")]
    TimedOut,
    /// Its certificate is not one that we trust.
    #[error("shows a certificate that is not trusted: {0}")]
    Untrusted(String),
    /// 407, and we showed no credentials.
    #[error("asks for a user name and a password (it takes {})", list(schemes))]
    CredentialsWanted {
        /// The schemes that it takes, such as Basic.
        schemes: Vec<String>,
    },
    /// 407, and we showed some.
    #[error("does not accept the credentials given (it takes {})", list(schemes))]
    CredentialsRefused {
        /// The schemes that it takes, such as Basic.
        schemes: Vec<String>,
    },
    /// It lets nobody, or not us, through to there.
    #[error("forbids connections to {target}")]
    Forbidden {
        /// Where we wanted to go.
        target: String,
    },
    /// What is behind it does not answer it.
    #[error("cannot reach {target} (it answered {status})")]
    TargetFailed {
        /// Where we wanted to go.
        target: String,
        /// The HTTP status that it answered.
        status: u16,
    },
    /// It has no room, or we ask too often.
    #[error("is busy")]
    Busy {
        /// After how long it says to ask again.
        retry_after: Option<Duration>,
    },
    /// It answers, but is no proxy: a web server, or a network that wants a sign-in first.
    #[error("is no proxy, or the network wants you to sign in with a browser first: it {0}")]
    NotAProxy(String),
}

impl ProxyProblem {
    /// Whether the same way may be open a moment later.
    #[must_use]
    pub const fn passes(&self) -> bool {
        match self {
            Self::Unreachable(_)
            | Self::TimedOut
            | Self::TargetFailed { .. }
            | Self::Busy { .. } => true,
            Self::UnknownName(_)
            | Self::Untrusted(_)
            | Self::CredentialsWanted { .. }
            | Self::CredentialsRefused { .. }
            | Self::Forbidden { .. }
            | Self::NotAProxy(_) => false,
        }
    }
}

fn list(schemes: &[String]) -> String {
    match schemes {
        [] => "nothing that it names".to_owned(),
        some => some.join(", "),
    }
}
