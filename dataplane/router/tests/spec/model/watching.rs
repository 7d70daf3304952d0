//! What the model does with cameras that have layers, and what it says of what came of it.

use std::collections::BTreeMap;

use bytes::Bytes;
use plenum_router::{ConnectionId, Input, Output};
use plenum_wire::control::FromRouter;
use plenum_wire::rtcp::{self, Feedback};
use plenum_wire::{Kind, rtp};

use super::life::Model;
use super::pictures::{Camera, Fate, Known, layer_of, top};
use super::{PAUSE, PEOPLE};
use crate::studio::{delivered, simulcast, want};

impl Model {
    /// What people in a meeting see may be another from now on.
    pub fn changes(&mut self, meeting: usize) {
        let now = self.house.now;
        let people = self.people.values_mut();
        for person in people.filter(|person| person.meeting == meeting) {
            person.viewer.changes(now);
        }
    }

    /// Another connection carries somebody's media, or none; of a new one is known what was known
    /// of the one before.
    pub fn carrier_changes(&mut self, who: usize, kind: Kind) {
        let now = self.house.now;
        if kind == Kind::Video {
            let person = self.people.get_mut(&who).unwrap();
            let viewer = &mut person.viewer;
            let before = viewer.estimate;
            let carrier = person.connections[&kind].last();
            viewer.estimate = carrier.and_then(|carrier| {
                let fresh = Known { own: None, before };
                viewer.known.entry(*carrier).or_insert(fresh).estimate()
            });
            viewer.changes(now);
        }
    }

    /// Somebody's video track is over, or is another.
    pub fn ends(&mut self, who: usize) {
        let Some(person) = self.people.get_mut(&who) else {
            return;
        };
        person.camera = None;
        let meeting = person.meeting;
        for person in self.people.values_mut() {
            person.viewer.eyes.remove(&who);
        }
        self.changes(meeting);
    }

    pub fn publish_layers(&mut self, who: usize, ssrc: u32, layers: usize) {
        if !self.people.contains_key(&who) {
            return;
        }
        let kind = Kind::Video;
        let free = self.ssrc_free(who, kind, ssrc);
        let person = self.people.get_mut(&who).unwrap();
        let channel = person.guest.channel;
        let before = person.camera.as_ref().map(|it| (it.ssrc, it.layers()));
        if free && before != Some((ssrc, layers)) {
            person.tracks.insert(kind, ssrc);
            self.exceptions.retain(|e| (e.1, e.2) != (who, kind));
            self.ends(who);
            let camera = Camera::new(ssrc, layers);
            self.people.get_mut(&who).unwrap().camera = Some(camera);
        }
        let publish = simulcast(kind, ssrc, &Camera::ssrcs(ssrc, layers));
        self.house.say(channel, publish);
    }

    pub fn want(&mut self, who: usize, of: usize, height: u16, priority: u8) {
        let Some(person) = self.people.get(&who) else {
            return;
        };
        let (channel, meeting) = (person.guest.channel, person.meeting);
        let message = want(PEOPLE[of], Kind::Video, height, priority);
        self.house.say(channel, message);
        self.heights.insert((who, of), height);
        self.changes(meeting);
    }

    pub fn estimate(&mut self, who: usize, kbps: u32) {
        let now = self.house.now;
        let Some(person) = self.people.get_mut(&who) else {
            return;
        };
        let connections = person.connections.get(&Kind::Video);
        let Some(&connection) = connections.and_then(|all| all.last()) else {
            return;
        };
        let known = person.viewer.known.entry(connection).or_default();
        if kbps < known.own.unwrap_or(2_000) {
            known.before = None;
        }
        known.own = Some(kbps);
        person.viewer.estimate = known.estimate();
        person.viewer.changes(now);
        let bits_per_s = u64::from(kbps) * 1_000;
        self.house.handle(Input::Estimate {
            connection,
            bits_per_s,
        });
    }

    /// Less fits than did, or more, and no key frame comes for a while.
    pub fn squeeze(&mut self, who: usize, kbps: u32) {
        let fate = |obeys| Fate {
            keys: 0,
            lost: 0,
            obeys,
        };
        let Some(meeting) = self.people.get(&who).map(|person| person.meeting) else {
            return;
        };
        for _ in 0..5 {
            self.pictures(meeting, fate(true));
        }
        self.estimate(who, kbps);
        for _ in 0..15 {
            self.pictures(meeting, fate(false));
        }
    }

    /// One packet of each layer of each camera, all at one moment.
    pub fn pictures(&mut self, meeting: usize, fate: Fate) {
        let mut seen: BTreeMap<usize, BTreeMap<usize, usize>> = BTreeMap::new();
        for who in self.members(meeting) {
            let Some(camera) = self.people.get_mut(&who).and_then(|it| it.camera.as_mut()) else {
                continue;
            };
            for packet in camera.picture(fate) {
                let layer = layer_of(&packet);
                for viewer in self.bring(who, packet) {
                    seen.entry(viewer).or_default().insert(who, layer);
                }
            }
        }
        for (viewer, layers) in seen {
            self.judge(viewer, &layers);
        }
        self.pass(2 * PAUSE);
    }

    pub fn late(&mut self, who: usize) {
        let camera = self.people.get_mut(&who).and_then(|it| it.camera.as_mut());
        for packet in camera.map(Camera::late).unwrap_or_default() {
            self.bring(who, packet);
        }
    }

    /// A packet from a publisher; who got something of the same layer for it.
    fn bring(&mut self, who: usize, packet: Bytes) -> Vec<usize> {
        let person = &self.people[&who];
        let connections = person.connections.get(&Kind::Video);
        let Some(&from) = connections.and_then(|all| all.first()) else {
            return vec![];
        };
        let flow = person.guest.flows.video;
        let layer = layer_of(&packet);
        self.house.send(from, flow, packet);
        let out = self.house.take();
        self.deliver(&out)
            .into_iter()
            .filter_map(|(viewer, of, got)| ((of, got) == (who, layer)).then_some(viewer))
            .collect()
    }

    /// One of those who see another.
    fn pair(&self, pair: usize) -> Option<(usize, usize)> {
        let people = self.people.iter();
        let pairs = people.flat_map(|(who, it)| it.viewer.eyes.keys().map(move |of| (*who, *of)));
        let pairs: Vec<_> = pairs.collect();
        pairs.get(pair % pairs.len().max(1)).copied()
    }

    pub fn nack(&mut self, pair: usize, back: u16) {
        let Some((who, of)) = self.pair(pair) else {
            return;
        };
        let number = self.people[&who].viewer.eyes[&of].number(back).unwrap();
        self.feedback(who, of, |ssrc| rtcp::nack(1, ssrc, &[number]));
    }

    pub fn wish(&mut self, pair: usize) {
        if let Some((who, of)) = self.pair(pair) {
            self.feedback(who, of, |ssrc| rtcp::picture_loss(1, ssrc));
        }
    }

    /// Somebody's RTCP about another's camera.
    fn feedback(&mut self, who: usize, of: usize, packet: impl Fn(u32) -> Bytes) {
        let person = &self.people[&who];
        let connections = person.connections.get(&Kind::Video);
        let camera = self.people[&of].camera.as_ref();
        if let (Some(&connection), Some(camera)) = (connections.and_then(|all| all.last()), camera)
        {
            let (flow, packet) = (person.guest.flows.video, packet(camera.ssrc));
            self.house.send(connection, flow, packet);
            let out = self.house.take();
            self.deliver(&out);
        }
    }

    /// What the router says reaches those it is for: viewers, and publishers that are asked or
    /// told something. Who saw a layer of whom.
    pub fn deliver(&mut self, out: &[Output]) -> Vec<(usize, usize, usize)> {
        let mut seen = Vec::new();
        for output in out {
            if let Some((to, packet)) = delivered(output) {
                if rtp::is_rtcp(&packet) {
                    self.hear(to, &packet);
                } else {
                    seen.extend(self.look(to, &packet));
                }
            }
            if let Output::Control { to, message } = output
                && let FromRouter::Wanted {
                    kind: Kind::Video,
                    layers,
                } = &**message
            {
                let people = self.people.values_mut();
                let mut told = people.filter(|person| person.guest.channel == *to);
                if let Some(camera) = told.next().and_then(|it| it.camera.as_mut()) {
                    camera.told(layers);
                }
            }
        }
        seen
    }

    /// A publisher is asked for something.
    fn hear(&mut self, to: ConnectionId, packet: &[u8]) {
        let carries = |all: &Vec<ConnectionId>| all.contains(&to);
        let people = self.people.values_mut();
        let mut asked = people.filter(|it| it.connections.get(&Kind::Video).is_some_and(carries));
        let Some(camera) = asked.next().and_then(|it| it.camera.as_mut()) else {
            return;
        };
        for feedback in rtcp::feedback(packet) {
            if let Feedback::PictureLoss { media, .. } = feedback {
                camera.asked(media);
            }
        }
    }

    /// A viewer gets a packet: of which publisher, which layer.
    fn look(&mut self, to: ConnectionId, packet: &Bytes) -> Option<(usize, usize, usize)> {
        let carries = |all: &Vec<ConnectionId>| all.last() == Some(&to);
        let viewer = self.people.iter().find_map(|(who, person)| {
            let connections = person.connections.get(&Kind::Video);
            connections.is_some_and(carries).then_some(*who)
        })?;
        let ssrc = rtp::Header::parse(packet).unwrap().ssrc;
        let meeting = self.people[&viewer].meeting;
        let publisher = self.members(meeting).into_iter().find(|who| {
            let camera = self.people[who].camera.as_ref();
            camera.is_some_and(|camera| camera.ssrc == ssrc)
        })?;
        assert!(self.receives(viewer, publisher, Kind::Video));
        let layer = layer_of(packet);
        let person = self.people.get_mut(&viewer).unwrap();
        let eye = person.viewer.eyes.entry(publisher).or_default();
        eye.look(packet);
        Some((viewer, publisher, layer))
    }

    /// What somebody saw at one moment: not more than fits, nothing larger than it wants, and
    /// nothing that its publisher was told to leave out.
    fn judge(&mut self, viewer: usize, layers: &BTreeMap<usize, usize>) {
        let now = self.house.now;
        for (publisher, layer) in layers {
            let camera = self.people[publisher].camera.as_ref().unwrap();
            assert!(camera.is_wanted(*layer), "{layer} of {publisher}");
            let height = self.heights.get(&(viewer, *publisher));
            let top = top(camera.layers(), height.copied().unwrap_or(u16::MAX));
            let settled = self.people[&viewer].viewer.has_settled(now);
            assert!(!settled || *layer <= top, "{layer} instead of {top}");
        }
        let person = self.people.get_mut(&viewer).unwrap();
        self.judged += u64::from(person.viewer.sees(layers, now));
    }
}
