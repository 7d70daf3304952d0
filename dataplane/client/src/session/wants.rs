//! How large we show the pictures of others: said to every router that we come to.

use std::collections::BTreeMap;

use plenum_wire::control::{FromClient, Want};
use plenum_wire::{Kind, ParticipantId};

use super::Session;

/// Wants in one message: each has at most 200 bytes, and a message at most
/// [`CLIENT_MESSAGE_BYTES`](plenum_wire::limits::CLIENT_MESSAGE_BYTES).
const IN_ONE: usize = 64;

impl Session {
    /// Says how large pictures are shown; of those that nothing is said of it is the full
    /// size, and so it is of those beyond [`WANTS`](plenum_wire::limits::WANTS). Kept through
    /// moves and reconnections, until the participant has left.
    pub fn want(&mut self, wants: impl IntoIterator<Item = Want>) {
        let wants: Vec<Want> = wants.into_iter().collect();
        for message in messages(&wants) {
            self.say(&message);
        }
        self.wants.take(wants);
    }

    /// What was said of those who left is taken back: of all at once, as a router ends the
    /// channel of who says too much.
    pub(super) fn take_wants_back(&mut self) {
        for message in self.wants.take_back() {
            self.say(&message);
        }
    }
}

/// Of which tracks not the full size is wanted.
#[derive(Debug, Default)]
pub(super) struct Wants {
    said: BTreeMap<(ParticipantId, Kind), Want>,
    /// To be taken back.
    back: Vec<Want>,
}

impl Wants {
    fn take(&mut self, wants: Vec<Want>) {
        for want in wants {
            let key = (want.participant.clone(), want.kind);
            if (want.height, want.priority) == (Want::ANY_HEIGHT, 0) {
                self.said.remove(&key);
            } else {
                self.said.insert(key, want);
            }
        }
    }

    /// For a router that has just let us in.
    pub fn all(&self) -> Vec<FromClient> {
        let wants: Vec<Want> = self.said.values().cloned().collect();
        messages(&wants).collect()
    }

    /// Somebody has left. The routers are to hear it too: one that we came to after a loss was
    /// told of somebody who had not come back, and so cannot have left it.
    pub fn forget(&mut self, participant: &ParticipantId) {
        for kind in Kind::ALL {
            let dropped = self.said.remove(&(participant.clone(), kind));
            self.back.extend(dropped.map(|want| Want {
                height: Want::ANY_HEIGHT,
                priority: 0,
                ..want
            }));
        }
    }

    fn take_back(&mut self) -> Vec<FromClient> {
        messages(&std::mem::take(&mut self.back)).collect()
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
    #[test]
    fn what_was_said_of_who_left_is_taken_back() {
        let want = |participant: &str, kind, height| Want {
            participant: participant.parse().unwrap(),
            kind,
            height,
            priority: 1,
        };
        let mut wants = Wants::default();
        wants.take(vec![
            want("ada", Kind::Video, 0),
            want("ada", Kind::Content, 180),
            want("ben", Kind::Video, 360),
        ]);
        let back = |kind| Want {
            priority: 0,
            ..want("ada", kind, Want::ANY_HEIGHT)
        };
        wants.forget(&"ada".parse().unwrap());
        wants.forget(&"eve".parse().unwrap());
        let all = vec![back(Kind::Video), back(Kind::Content)];
        assert_eq!(wants.take_back(), [FromClient::Want { wants: all }]);
        assert_eq!(wants.take_back(), []);
        let ben = vec![want("ben", Kind::Video, 360)];
        assert_eq!(wants.all(), [FromClient::Want { wants: ben }]);
    }
}
