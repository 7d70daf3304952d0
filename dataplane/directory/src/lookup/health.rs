//! Whether a zone can take people, as far as its reports tell.

use std::time::Duration;

/// A zone that says nothing for this long is taken for gone: three reports of 5 s.
pub const SILENT_AFTER: Duration = Duration::from_secs(15);
/// For so long after its own start a directory has not heard of everybody, and goes by what
/// was known before.
pub const STARTING_FOR: Duration = SILENT_AFTER;

/// What was heard of a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// How long ago it reported last; `None` if never, as far as this directory knows.
    pub heard: Option<Duration>,
    /// Routers that take people, by the last report.
    pub routers: u32,
    /// How long ago this directory started.
    pub up: Duration,
}

/// What follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It takes people.
    Healthy,
    /// It has not been heard of yet, and may well be there: it is offered after the others.
    Unheard,
    /// It answers, and none of its routers takes people.
    NoRouters,
    /// It has said nothing for this long.
    Silent(Duration),
    /// It has never said anything.
    NeverHeard,
}

impl State {
    /// Who is in a meeting there goes on with it, and others may follow, whether or not anything new
    /// begins. Of one that was not heard of yet, as the directory itself was away, that is believed
    /// for the few seconds: whoever is told that a meeting is over does not come back.
    #[must_use]
    pub const fn takes_latecomers(self) -> bool {
        matches!(self, Self::Healthy | Self::Unheard | Self::NoRouters)
    }
}

impl Health {
    /// The state that these reports mean.
    #[must_use]
    pub fn state(self) -> State {
        match self.heard {
            Some(ago) if ago < SILENT_AFTER && self.routers > 0 => State::Healthy,
            Some(ago) if ago < SILENT_AFTER => State::NoRouters,
            _ if self.up < STARTING_FOR => State::Unheard,
            Some(ago) => State::Silent(ago),
            None => State::NeverHeard,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn what_reports_mean() {
        for (what, heard, routers, up, state) in [
            ("just heard", Some(s(1)), 2, s(1), State::Healthy),
            ("heard of in time", Some(s(14)), 1, s(900), State::Healthy),
            (
                "three reports missing",
                Some(s(15)),
                1,
                s(900),
                State::Silent(s(15)),
            ),
            ("no router", Some(s(1)), 0, s(900), State::NoRouters),
            ("the directory starts", None, 0, s(14), State::Unheard),
            (
                "it knows it from before",
                Some(s(300)),
                4,
                s(3),
                State::Unheard,
            ),
            ("it is no longer new", None, 0, s(15), State::NeverHeard),
        ] {
            let health = Health { heard, routers, up };
            assert_eq!(health.state(), state, "{what}");
        }
    }
}
