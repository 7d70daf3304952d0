//! Which meetings are on which router, for people who look after the zone.

use plenum_wire::whereabouts::{Half, Located, Whereabouts};

use crate::Broker;

impl Broker {
    /// The meetings with somebody in them, at most `most`, the first by id. Only routers in
    /// touch count.
    #[must_use]
    pub fn whereabouts(&self, most: usize) -> Whereabouts {
        let mut told = Whereabouts::default();
        for (meeting, known) in self.meetings.iter() {
            let halves = known.halves().into_iter().filter(|(_, count)| *count > 0);
            let at: Vec<Half> = halves
                .map(|(router, participants)| Half {
                    router: router.clone(),
                    participants,
                })
                .collect();
            if at.is_empty() {
                continue;
            }
            if told.meetings.len() < most {
                let meeting = meeting.clone();
                told.meetings.push(Located { meeting, at });
            } else {
                told.left_out += 1;
            }
        }
        told
    }
}
