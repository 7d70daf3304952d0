//! What a router does that has more to do than it can: first nobody new comes in, then it
//! leaves out what is missed least. Audio and screens are never left out.
//!
//! | step | joins | what is left out |
//! |---|---|---|
//! | [`OverloadStep::Open`] | taken | nothing |
//! | [`OverloadStep::Closed`] | of newcomers refused | nothing |
//! | [`OverloadStep::LowLayers`] | refused | higher layers; of cameras without layers all but the active speaker's |
//! | [`OverloadStep::ActiveOnly`] | refused | every camera but the active speaker's |
//!
//! | file | idea |
//! |---|---|
//! | `policy` | pure: which step, by how busy the threads are and what is left of a CPU limit |
//! | `here` | what a change of step does to the shard |
//!
//! The zone hears of it by [`Load::accepting`](plenum_wire::link::Load) and sends newcomers
//! elsewhere; those who come all the same, and whom it did not let in before, are refused with
//! [`RouterOverloaded`](plenum_wire::control::ErrorCode::RouterOverloaded).

mod here;
mod policy;
#[cfg(test)]
mod tests;

pub(crate) use policy::Overload;

/// How hard a router worked since the last time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Strain {
    /// The busiest thread's share of busy time, 0 to 1; 1 for one that lost packets for want
    /// of time.
    pub busy: f32,
    /// The share of the process's CPU limit that was used, 0 to 1; 0 where it has none.
    pub limit_used: f32,
    /// Packets that the kernel dropped because nobody took them in time.
    pub dropped: u64,
}

/// How far a router has gone to have less to do; each does what those before do, too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OverloadStep {
    /// All is well.
    #[default]
    Open,
    /// Nobody new comes in.
    Closed,
    /// [`Shed::LowLayers`].
    LowLayers,
    /// [`Shed::ActiveOnly`].
    ActiveOnly,
}

/// What is left out of the forwarded video. Never audio, never content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shed {
    /// Nothing.
    #[default]
    None,
    /// Cameras with layers are capped to the lowest, those without are forwarded of the
    /// active speaker only.
    LowLayers,
    /// Only the active speaker's camera is forwarded.
    ActiveOnly,
}

impl OverloadStep {
    /// All of them, from the first to the last.
    pub const ALL: [Self; 4] = [Self::Open, Self::Closed, Self::LowLayers, Self::ActiveOnly];

    /// What it leaves out.
    #[must_use]
    pub const fn shed(self) -> Shed {
        match self {
            Self::Open | Self::Closed => Shed::None,
            Self::LowLayers => Shed::LowLayers,
            Self::ActiveOnly => Shed::ActiveOnly,
        }
    }

    /// The one before; the first stays.
    const fn lower(self) -> Self {
        match self {
            Self::Open | Self::Closed => Self::Open,
            Self::LowLayers => Self::Closed,
            Self::ActiveOnly => Self::LowLayers,
        }
    }

    /// For logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::LowLayers => "low_layers",
            Self::ActiveOnly => "active_only",
        }
    }
}
