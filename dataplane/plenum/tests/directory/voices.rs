//! People in a meeting, one of whom speaks.

use std::time::Duration;

use futures_util::future::select_all;
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

/// One person who speaks and others who listen, until they are no longer of use to the test.
pub struct Conversation {
    state: watch::Receiver<State>,
    _talking: AbortOnDropHandle<()>,
}

/// What has come of it so far.
#[derive(Default)]
struct State {
    /// By listener.
    heard: Vec<Heard>,
    /// How often one of them lost the router, and was back.
    lost: usize,
    back: usize,
}

/// What a listener got of the speaker, whose packets are numbered.
#[derive(Clone, Default)]
struct Heard {
    packets: u64,
    /// The lowest and the highest number.
    span: Option<(u64, u64)>,
}

impl Heard {
    fn packet(&mut self, number: u64) {
        let (first, last) = self.span.unwrap_or((number, number));
        self.packets += 1;
        self.span = Some((first.min(number), last.max(number)));
    }

    /// What never came of what was sent between the first that came and the last.
    fn lost(&self) -> u64 {
        let sent = self.span.map_or(0, |(first, last)| last - first + 1);
        sent - self.packets
    }
}

impl Conversation {
    /// Of two.
    pub async fn begin(houses: &[&House], meeting: &str) -> Self {
        Self::with(1, houses, meeting).await
    }

    /// Of a speaker and so many listeners.
    pub async fn with(listeners: usize, houses: &[&House], meeting: &str) -> Self {
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
        let mut listening = Vec::new();
        for _ in 0..listeners {
            listening.push(join().await);
        }
        let (tell, state) = watch::channel(State {
            heard: vec![Heard::default(); listeners],
            ..State::default()
        });
        let talk = Talk {
            listening,
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

    /// Returns when each listener has heard so many more packets.
    pub async fn goes_on(&mut self, packets: u64) {
        let now = self.state.borrow();
        let wanted: Vec<u64> = now.heard.iter().map(|it| it.packets + packets).collect();
        drop(now);
        self.until(|state| {
            let mut each = state.heard.iter().zip(&wanted);
            each.all(|(heard, wanted)| heard.packets >= *wanted)
        })
        .await;
    }

    /// Returns when both have lost their router and are on another one.
    pub async fn comes_back(&mut self) {
        self.until(|state| state.back >= 2).await;
    }

    /// How often somebody lost a router.
    pub fn interruptions(&self) -> usize {
        self.state.borrow().lost
    }

    /// Nobody lost the router, and of what was said next to nothing: a machine that is busy may
    /// read too late, which a hundredth is enough for.
    pub fn is_unharmed(&self) {
        let state = self.state.borrow();
        assert_eq!(state.lost, 0, "somebody lost the router");
        for heard in &state.heard {
            let (lost, came) = (heard.lost(), heard.packets);
            assert!(lost * 100 <= came, "{lost} packets lost, {came} came");
        }
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
    listening: Vec<Session>,
    said: u64,
    tell: watch::Sender<State>,
}

impl Talk {
    async fn run(mut self) {
        let mut pace = interval(WORD);
        loop {
            let (event, listener) = tokio::select! {
                _ = pace.tick() => {
                    self.speak();
                    continue;
                }
                event = self.speaker.next_event() => (event, None),
                (event, who) = heard(&mut self.listening) => (event, Some(who)),
            };
            let event = event.expect("nobody left");
            self.tell.send_if_modified(|state| {
                match event {
                    Event::Packet { track, packet, .. } => {
                        // Others in the meeting may speak too.
                        let of_ours = listener.filter(|_| track.ssrc == self.track.ssrc());
                        let Some(listener) = of_ours else {
                            return false;
                        };
                        state.heard[listener].packet(number(&packet));
                    }
                    Event::Reconnecting { .. } => state.lost += 1,
                    Event::Reconnected { .. } => state.back += 1,
                    Event::Ended(ending) => panic!("{ending:?}"),
                    _ => return false,
                }
                true
            });
        }
    }

    /// In 21 minutes the sequence number comes round; the packet's own number does not.
    fn speak(&mut self) {
        let [.., a, b, c, d] = self.said.to_be_bytes();
        let count = u32::from_be_bytes([a, b, c, d]);
        let header = Header {
            payload_type: 111,
            marker: false,
            sequence: u16::from_be_bytes([c, d]),
            timestamp: count.wrapping_mul(960),
            ssrc: self.track.ssrc(),
            payload_offset: 12,
        };
        self.track
            .send(&rtp::write(&header, &self.said.to_be_bytes()));
        self.said += 1;
    }
}

/// What happens next to one of them, and to which.
async fn heard(listening: &mut [Session]) -> (Option<Event>, usize) {
    let next = listening.iter_mut().map(|it| Box::pin(it.next_event()));
    let (event, who, _) = select_all(next).await;
    (event, who)
}

/// What [`Talk::speak`] wrote into it.
fn number(packet: &[u8]) -> u64 {
    u64::from_be_bytes(*packet.last_chunk().unwrap())
}
