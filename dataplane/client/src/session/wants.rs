//! How large we show the pictures of others: said to every router that we come to.

use plenum_wire::control::{FromClient, Want};
use plenum_wire::{Kind, ParticipantId};

use super::Session;

/// Wants in one message: each has at most 200 bytes, and a message at most
/// [`CLIENT_MESSAGE_BYTES`](plenum_wire::limits::CLIENT_MESSAGE_BYTES).
const IN_ONE: usize = 64;

impl Session {
    /// Says how large pictures are shown; of those that nothing is said of it is the full
    /// size, and so it is of those beyond [`WANTS`](plenum_wire::limits::WANTS). Kept through moves and reconnections, until the participant has left.
    pub fn want(&mut self, wants: impl IntoIterator<Item = Want>) {
        let wants: Vec<Want> = wants.into_iter().collect();
        for message in messages(&wants) {
            self.say(&message);
        }
        for want in wants {
            let key = (want.participant.clone(), want.kind);
            if (want.height, want.priority) == (Want::ANY_HEIGHT, 0) {
                self.wants.remove(&key);
            } else {
                self.wants.insert(key, want);
            }
        }
    }

    /// For a router that has just let us in.
    pub(super) fn all_wants(&self) -> Vec<FromClient> {
        let wants: Vec<Want> = self.wants.values().cloned().collect();
        messages(&wants).collect()
    }

    pub(super) fn forget_wants(&mut self, participant: &ParticipantId) {
        for kind in Kind::ALL {
            self.wants.remove(&(participant.clone(), kind));
        }
    }
}

fn messages(wants: &[Want]) -> impl Iterator<Item = FromClient> {
    let some = wants.chunks(IN_ONE);
    some.map(|some| FromClient::Want {
        wants: some.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use plenum_wire::limits::CLIENT_MESSAGE_BYTES;

    use super::*;

    #[test]
    fn wants_of_many_with_the_longest_names_fit_their_messages() {
        let want = |number: u32| Want {
            participant: format!("{number:0>128}").parse().unwrap(),
            kind: Kind::Content,
            height: u16::MAX,
            priority: u8::MAX,
        };
        let wants: Vec<Want> = (0..1_000).map(want).collect();
        let mut said = Vec::new();
        for message in messages(&wants) {
            assert!(plenum_wire::encode(&message).len() <= CLIENT_MESSAGE_BYTES);
            let FromClient::Want { wants } = message else {
                panic!("{message:?}")
            };
            said.extend(wants);
        }
        assert_eq!(said, wants);
    }
}
