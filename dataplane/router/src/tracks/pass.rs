//! How a packet of a track with layers finds those who shall have it.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use plenum_layers::{FrameInfo, begins_key_frame};
use plenum_wire::rtp::{self, DEPENDENCY_DESCRIPTOR_ID};

use super::Layered;
use crate::Output;

/// A key frame's first packet may come after others of it; so many are sent behind a cut.
const CAUGHT_UP: u16 = 64;

/// A packet that came, and the track's names for it.
pub(crate) struct Arrived<'a> {
    /// Of which source.
    pub source: u8,
    pub header: rtp::Header,
    pub packet: &'a Bytes,
    /// The track's.
    pub ssrc: u32,
    pub codec: &'a str,
}

/// What became of a packet.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Passed {
    /// Packets sent.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Receivers that changed layers.
    pub cuts: u64,
}

impl Passed {
    fn sent(&mut self, output: Option<Output>, out: &mut VecDeque<Output>) {
        if let Some(output) = output {
            self.bytes += output.bytes();
            self.packets += 1;
            out.push_back(output);
        }
    }
}

impl Layered {
    /// Sends a packet to those who shall have it.
    pub(crate) fn pass(
        &mut self,
        it: &Arrived<'_>,
        now: Instant,
        out: &mut VecDeque<Output>,
    ) -> Passed {
        if self.is_scalable() {
            self.pass_scalable(it, now, out)
        } else {
            self.pass_simulcast(it, now, out)
        }
    }

    fn pass_simulcast(
        &mut self,
        it: &Arrived<'_>,
        now: Instant,
        out: &mut VecDeque<Output>,
    ) -> Passed {
        let mut passed = Passed::default();
        let layer = it.source;
        let mut begins = None;
        for viewer in &mut self.viewers {
            if viewer.on() == Some(layer) {
                viewer.goes_with(it.header.sequence, now);
            }
            if viewer.accepts(layer, it.header.timestamp)
                && *begins.get_or_insert_with(|| {
                    begins_key_frame(it.codec, &it.packet[it.header.payload_offset..])
                })
            {
                viewer.cut(layer, &it.header);
                passed.cuts += 1;
                passed.sent(viewer.pass(&it.header, it.packet, it.ssrc), out);
                let cache = &self.sources[usize::from(layer)].cache;
                for behind in 1..=CAUGHT_UP {
                    let sequence = it.header.sequence.wrapping_add(behind);
                    if let Some(packet) = cache.get(sequence, now)
                        && let Some(header) = rtp::Header::parse(packet)
                    {
                        passed.sent(viewer.pass(&header, packet, it.ssrc), out);
                    }
                }
            } else if viewer.on() == Some(layer) {
                passed.sent(viewer.pass(&it.header, it.packet, it.ssrc), out);
            }
        }
        if begins == Some(true) {
            self.sources[usize::from(layer)].key_frames.came();
        }
        passed
    }

    fn pass_scalable(
        &mut self,
        it: &Arrived<'_>,
        now: Instant,
        out: &mut VecDeque<Output>,
    ) -> Passed {
        let mut passed = Passed::default();
        let frame = self.frame(it.packet);
        let layers = self.count();
        for (layer, meter) in (0..).zip(&mut self.meters) {
            let needs = |it: FrameInfo| it.targets.needed(it.targets.of_layer(layer, layers));
            if frame.is_none_or(needs) {
                meter.add(it.packet.len(), now);
            }
        }
        let sequence = it.header.sequence;
        let mut begun = Vec::new();
        for (at, viewer) in self.viewers.iter_mut().enumerate() {
            viewer.goes_with(sequence, now);
            let before = viewer.on();
            if viewer.takes(frame.as_ref(), layers, sequence) {
                passed.sent(viewer.pass(&it.header, it.packet, it.ssrc), out);
                if before.is_none() {
                    begun.push(at);
                }
            }
            passed.cuts += u64::from(viewer.on() != before);
        }
        if frame.is_some_and(|frame| frame.key) {
            self.sources[0].key_frames.came();
        }
        if !begun.is_empty() {
            self.catch_up(&begun, it, now, &mut passed, out);
        }
        passed
    }

    /// Those who began with a packet that came late get what came before it and is behind it.
    fn catch_up(
        &mut self,
        begun: &[usize],
        it: &Arrived<'_>,
        now: Instant,
        passed: &mut Passed,
        out: &mut VecDeque<Output>,
    ) {
        let layers = self.count();
        for behind in 1..=CAUGHT_UP {
            let sequence = it.header.sequence.wrapping_add(behind);
            let Some(packet) = self.sources[0].cache.get(sequence, now).cloned() else {
                continue;
            };
            let Some(header) = rtp::Header::parse(&packet) else {
                continue;
            };
            let frame = self.frame(&packet);
            for &at in begun {
                let viewer = &mut self.viewers[at];
                if viewer.takes(frame.as_ref(), layers, sequence) {
                    passed.sent(viewer.pass(&header, &packet, it.ssrc), out);
                }
            }
        }
    }

    /// What a packet of a scalable stream says of its frame.
    fn frame(&mut self, packet: &[u8]) -> Option<FrameInfo> {
        let mut extensions = rtp::extensions(packet);
        let (_, data) = extensions.find(|(id, _)| *id == DEPENDENCY_DESCRIPTOR_ID)?;
        self.descriptors.as_mut()?.read(data)
    }
}
