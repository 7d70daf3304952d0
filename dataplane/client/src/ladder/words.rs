//! What a ladder is told and says.

use plenum_wire::Rung;

/// Which rungs may be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RungPolicy {
    /// All, the best that works.
    #[default]
    Race,
    /// This one and no other.
    Only(Rung),
}

impl RungPolicy {
    pub(super) fn rungs(self) -> &'static [Rung] {
        match self {
            Self::Race => &[Rung::Udp, Rung::Tcp, Rung::Tls],
            Self::Only(Rung::Udp) => &[Rung::Udp],
            Self::Only(Rung::Tcp) => &[Rung::Tcp],
            Self::Only(Rung::Tls) => &[Rung::Tls],
        }
    }
}

/// What the caller is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Connect over this rung; tell [`Ladder::handle_opened`] or [`Ladder::handle_failed`].
    Dial(Rung),
    /// Send a knock over this open connection.
    Knock(Rung),
    /// Close this connection, or stop dialling it.
    Close(Rung),
    /// Every rung failed in this race. Another one follows by itself.
    Exhausted,
}

/// What a race has shown about the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lesson {
    /// This rung does not get through, and a worse one does.
    Blocked(Rung),
    /// It does.
    Works(Rung),
}
