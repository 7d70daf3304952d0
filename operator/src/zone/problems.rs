//! What a person has to do or wait for, kept apart by the part of the zone that it stands in the
//! way of: a tunnel that is refused says nothing of the controllers.

use plenum_crds::conditions::ZoneReason;

use super::children::Part;

/// Something a person has to do, or wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// For programs.
    pub reason: ZoneReason,
    /// For people.
    pub message: String,
}

impl Problem {
    /// A problem.
    pub fn new(reason: ZoneReason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }
}

/// The first problem of each part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    controllers: Option<Problem>,
    tunnels: Option<Problem>,
}

impl Problems {
    /// Of a part, unless it has one already.
    pub fn note(&mut self, part: Part, problem: Problem) {
        let of_part = match part {
            Part::Controllers => &mut self.controllers,
            Part::Tunnels => &mut self.tunnels,
        };
        of_part.get_or_insert(problem);
    }

    /// Of a part.
    #[must_use]
    pub fn of(&self, part: Part) -> Option<&Problem> {
        match part {
            Part::Controllers => self.controllers.as_ref(),
            Part::Tunnels => self.tunnels.as_ref(),
        }
    }

    /// Whether any part has one.
    #[must_use]
    pub fn any(&self) -> bool {
        self.controllers.is_some() || self.tunnels.is_some()
    }
}
