//! Who is in which meeting, and on which flows.

use std::process::Command;

use plenum_wire::{FlowId, Flows, Kind};

/// As many bytes on the wire as the random ids of a zone.
const FIRST_FLOW: u64 = 1 << 60;

/// Meetings of equal size. In each the first person sends and the others receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Args)]
pub struct Meetings {
    /// How many meetings
    #[arg(long, default_value_t = 1)]
    pub meetings: u32,
    /// People in each, who sends included
    #[arg(long, default_value_t = 101)]
    pub people: u32,
}

impl Meetings {
    /// One meeting in which a hundred receive.
    pub const HUNDRED: Self = Self {
        meetings: 1,
        people: 101,
    };
    /// A thousand meetings of four.
    pub const SMALL: Self = Self {
        meetings: 1_000,
        people: 4,
    };

    /// Everybody, by numbers from 0.
    pub fn everybody(self) -> impl Iterator<Item = u32> {
        0..self.meetings * self.people
    }

    /// The meeting that somebody is in.
    #[must_use]
    pub const fn meeting_of(self, person: u32) -> u32 {
        person / self.people
    }

    /// Whether somebody sends.
    #[must_use]
    pub const fn sends(self, person: u32) -> bool {
        person.is_multiple_of(self.people)
    }

    /// Tells a process of ours.
    pub fn arguments(self, command: &mut Command) {
        command
            .args(["--meetings", &self.meetings.to_string()])
            .args(["--people", &self.people.to_string()]);
    }

    /// Packets that go out for each that comes in.
    #[must_use]
    pub const fn receivers(self) -> u32 {
        self.people - 1
    }
}

/// Somebody's flows. All packets are on that of video.
#[must_use]
pub fn flows(person: u32) -> Flows {
    let flow = |kind: Kind| {
        let number = FIRST_FLOW + 4 * u64::from(person) + kind as u64;
        FlowId::new(number).expect("neither 0 nor above 2^62")
    };
    Flows {
        audio: flow(Kind::Audio),
        video: flow(Kind::Video),
        content: flow(Kind::Content),
    }
}

/// Whose video a flow is.
#[must_use]
pub fn person_of(flow: FlowId) -> Option<u32> {
    let number = flow.value().checked_sub(FIRST_FLOW + Kind::Video as u64)?;
    u32::try_from(number / 4).ok().filter(|_| number % 4 == 0)
}

/// The source that somebody's packets name.
#[must_use]
pub const fn ssrc(person: u32) -> u32 {
    person + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_leads_back_to_its_person() {
        assert_eq!(person_of(flows(77).video), Some(77));
        assert_eq!(person_of(flows(77).audio), None);
    }

    #[test]
    fn the_first_of_each_meeting_sends() {
        let meetings = Meetings {
            meetings: 2,
            people: 3,
        };
        let senders: Vec<u32> = meetings
            .everybody()
            .filter(|p| meetings.sends(*p))
            .collect();
        assert_eq!(senders, [0, 3]);
        assert_eq!(meetings.meeting_of(5), 1);
    }
}
