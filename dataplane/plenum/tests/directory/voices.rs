//! Two people in a meeting, one of whom speaks.

use std::time::Duration;

use plenum_client::{Event, JoinConfig, Network, Session, TrackSender};
use plenum_wire::rtp::{self, Header};
use plenum_wire::{Codec, Kind};
use tokio::sync::watch;
use tokio::time::interval;
use tokio_util::task::AbortOnDropHandle;

use crate::house::House;
use crate::programs::within;

/// Between two packets of speech.
const WORD: Duration = Duration::from_millis(20);

/// How to join a meeting that these directories know.
pub fn entrance(houses: &[&House], meeting: &str) -> JoinConfig {
    let authorities: Vec<Vec<u8>> = houses
        .iter()
        .map(|house| std::fs::read(house.authority()).unwrap())
        .collect();
    let network = Network::new(Some(&authorities.concat())).unwrap();
    let mut config = JoinConfig::new(network, Vec::new(), meeting.parse().unwrap());
    config.directories = houses.iter().map(|house| house.url()).collect();
    // However slow the machine is.
    config.join_within = Duration::from_mins(1);
    config
}

/// Two people who talk until they are no longer of use to the test.
pub struct Conversation {
    state: watch::Receiver<State>,
    _talking: AbortOnDropHandle<()>,
}

/// What has come of it so far.
#[derive(Default)]
struct State {
    /// Packets that the listener got.
    heard: usize,
    /// How often either of them lost the router, and was back.
    lost: usize,
    back: usize,
}

impl Conversation {
    pub async fn begin(houses: &[&House], meeting: &str) -> Self {
        let join = async || {
            within(Session::join(entrance(houses, meeting)))
                .await
                .unwrap()
        };
        let mut speaker = join().await;
        let opus = Codec {
            name: "opus".to_owned(),
            clock_rate: 48_000,
            payload_type: 111,
            width: 0,
            height: 0,
            channels: 2,
        };
        let track = speaker.publish(Kind::Audio, opus).await.unwrap();
        let (tell, state) = watch::channel(State::default());
        let talk = Talk {
            listener: join().await,
            speaker,
            track,
            said: 0,
            tell,
        };
        Self {
            state,
            _talking: AbortOnDropHandle::new(tokio::spawn(talk.run())),
        }
    }

    /// Returns when so many more packets were heard.
    pub async fn goes_on(&mut self, packets: usize) {
        let wanted = self.state.borrow().heard + packets;
        self.until(|state| state.heard >= wanted).await;
    }

    /// Returns when both have lost their router and are on another one.
    pub async fn comes_back(&mut self) {
        self.until(|state| state.back >= 2).await;
    }

    /// How often somebody lost a router.
    pub fn interruptions(&self) -> usize {
        self.state.borrow().lost
    }

    async fn until(&mut self, holds: impl Fn(&State) -> bool) {
        let came = within(self.state.wait_for(|state| holds(state))).await;
        came.expect("they talk");
    }
}

/// Behind a conversation: a session advances only while it is asked for what happens.
struct Talk {
    speaker: Session,
    track: TrackSender,
    listener: Session,
    said: u16,
    tell: watch::Sender<State>,
}

impl Talk {
    async fn run(mut self) {
        let mut pace = interval(WORD);
        loop {
            let event = tokio::select! {
                _ = pace.tick() => {
                    self.speak();
                    continue;
                }
                event = self.speaker.next_event() => event,
                event = self.listener.next_event() => event,
            };
            let event = event.expect("nobody left");
            self.tell.send_if_modified(|state| {
                match event {
                    Event::Packet { .. } => state.heard += 1,
                    Event::Reconnecting { .. } => state.lost += 1,
                    Event::Reconnected { .. } => state.back += 1,
                    Event::Ended(ending) => panic!("{ending:?}"),
                    _ => return false,
                }
                true
            });
        }
    }

    fn speak(&mut self) {
        let header = Header {
            payload_type: 111,
            marker: false,
            sequence: self.said,
            timestamp: u32::from(self.said) * 960,
            ssrc: self.track.ssrc(),
            payload_offset: 12,
        };
        self.said += 1;
        self.track.send(&rtp::write(&header, b"a word"));
    }
}
