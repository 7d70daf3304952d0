//! Participants who speak every 20 ms and remember what they heard.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::select_all;
use plenum_client::{Ending, Event, JoinConfig, Session, TrackSender};
use plenum_wire::rtp::{self, Header};
use plenum_wire::{Codec, Kind, ParticipantId, RouterId, Rung};
use tokio::time::{interval, timeout};

/// A test that hangs fails. Slow ones do not: the machine may be slow.
pub const PATIENCE: Duration = Duration::from_mins(2);

pub fn opus() -> Codec {
    Codec {
        name: "opus".to_owned(),
        clock_rate: 48_000,
        payload_type: 111,
        width: 0,
        height: 0,
        channels: 2,
    }
}

pub struct Person {
    pub session: Session,
    sender: TrackSender,
    pub sent: u16,
    /// Sequence numbers by speaker, as they came.
    pub heard: BTreeMap<ParticipantId, Vec<u16>>,
    pub tracks: usize,
    pub moves: Vec<bool>,
    pub back: usize,
    pub removed: usize,
    pub rungs: BTreeMap<Kind, Rung>,
    pub ending: Option<Ending>,
}

impl Person {
    pub async fn join(config: JoinConfig) -> Self {
        let mut session = Session::join(config).await.unwrap();
        let sender = session.publish(Kind::Audio, opus()).await.unwrap();
        Self {
            session,
            sender,
            sent: 0,
            heard: BTreeMap::new(),
            tracks: 0,
            moves: Vec::new(),
            back: 0,
            removed: 0,
            rungs: BTreeMap::new(),
            ending: None,
        }
    }

    pub fn id(&self) -> &ParticipantId {
        self.session.participant()
    }

    /// The source of its voice.
    pub fn ssrc(&self) -> u32 {
        self.sender.ssrc()
    }

    pub fn router(&self) -> Option<&RouterId> {
        self.session.router()
    }

    /// Whether a router is there to hear it.
    pub fn speak(&mut self) -> bool {
        let header = Header {
            payload_type: 111,
            marker: false,
            sequence: self.sent,
            timestamp: u32::from(self.sent) * 960,
            ssrc: self.sender.ssrc(),
            payload_offset: 12,
        };
        self.sent += 1;
        self.sender.send(&rtp::write(&header, b"a word"))
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Packet { track, packet, .. } => {
                let sequence = Header::parse(&packet).unwrap().sequence;
                let heard = self.heard.entry(track.participant.clone());
                heard.or_default().push(sequence);
            }
            Event::TrackAdded(_) => self.tracks += 1,
            Event::TrackRemoved(_) => self.removed += 1,
            Event::MoveEnded { ok, .. } => self.moves.push(ok),
            Event::Reconnected { .. } => self.back += 1,
            Event::Bound { kind, rung } => {
                self.rungs.insert(kind, rung);
            }
            Event::Ended(ending) => self.ending = Some(ending),
            Event::Joined { .. }
            | Event::ParticipantJoined(_)
            | Event::ParticipantLeft(_)
            | Event::MoveStarted { .. }
            | Event::Reconnecting { .. }
            | Event::KeyFrameWanted { .. }
            | Event::LayersWanted { .. }
            | Event::Speakers { .. }
            | Event::Objection { .. } => {}
        }
    }

    /// Whether everything that `other` has sent was heard, once each.
    pub fn heard_all_of(&self, other: &Self) -> bool {
        let mut heard = self.heard.get(other.id()).cloned().unwrap_or_default();
        heard.sort_unstable();
        heard == (0..other.sent).collect::<Vec<u16>>()
    }

    /// Whether the last word of `other` was heard.
    pub fn heard_last_of(&self, other: &Self) -> bool {
        let heard = self.heard.get(other.id());
        other.sent > 0 && heard.is_some_and(|heard| heard.contains(&(other.sent - 1)))
    }
}

/// Everybody speaks and listens until it is as wanted.
pub async fn talk(people: &mut [Person], until: impl Fn(&[Person]) -> bool) {
    let mut pace = interval(Duration::from_millis(20));
    let talking = async {
        while !until(people) {
            tokio::select! {
                _ = pace.tick() => people.iter_mut().for_each(|person| {
                    person.speak();
                }),
                (person, event) = any_event(people) => people[person].take(event),
            }
        }
    };
    timeout(PATIENCE, talking).await.expect("takes too long");
}

/// Everybody only listens until it is as wanted.
pub async fn listen(people: &mut [Person], until: impl Fn(&[Person]) -> bool) {
    let listening = async {
        while !until(people) {
            let (person, event) = any_event(people).await;
            people[person].take(event);
        }
    };
    if timeout(PATIENCE, listening).await.is_err() {
        for person in people.iter() {
            eprintln!(
                "{} sent {}, heard {:?}",
                person.id(),
                person.sent,
                person.heard
            );
        }
        panic!("takes too long");
    }
}

async fn any_event(people: &mut [Person]) -> (usize, Event) {
    let events = people.iter_mut().zip(0..).map(|(person, number)| {
        Box::pin(async move {
            match person.session.next_event().await {
                Some(event) => (number, event),
                None => std::future::pending().await,
            }
        })
    });
    select_all(events).await.0
}

/// Whether everybody fulfils it with regard to everybody else.
pub fn mutually(people: &[Person], holds: impl Fn(&Person, &Person) -> bool) -> bool {
    people.iter().all(|one| {
        let others = people.iter().filter(|other| other.id() != one.id());
        others.into_iter().all(|other| holds(one, other))
    })
}
