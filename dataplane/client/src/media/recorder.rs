//! Writes what is received of one track to a file that any player opens.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use ogg::writing::{PacketWriteEndInfo, PacketWriter};
use plenum_layers::begins_key_frame;
use plenum_wire::{Codec, rtp::Header};

use super::assemble::Format;
use super::source::VIDEO_RATE;
use super::{FRAME_BYTES, MediaError, ivf, ogg_opus};

/// Packets kept while an earlier one is missing; then it is taken for lost. More than
/// one large key frame.
const REORDER_PACKETS: usize = 256;
/// Opus packets in one Ogg page: one second.
const PAGE_PACKETS: u64 = 50;

/// What a recording holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The file.
    pub path: PathBuf,
    /// Packets received, duplicates not counted.
    pub packets: u64,
    /// Packets between the first and the last that were never received.
    pub lost: u64,
    /// Frames written.
    pub frames: u64,
}

/// The file of one track.
pub struct Recorder {
    codec: String,
    format: Format,
    writer: Writer,
    recorded: Recorded,
    waiting: BTreeMap<u64, Bytes>,
    /// Sequence number, counted on past 2^16, of the packet that comes next.
    next: Option<u64>,
    /// The payloads of the frame that is being received.
    frame: Vec<Bytes>,
    /// Memory that they hold, in bytes.
    held: usize,
    /// The last packet did not end its frame.
    in_frame: bool,
    /// A packet of the frame is lost, or it is longer than any; it is left out whole.
    broken: bool,
    timestamp: u32,
    /// Ticks since the first frame, and the RTP timestamp that they were counted to.
    ticks: Option<(u64, u32)>,
    /// The time of the last video frame.
    written: Option<u64>,
}

enum Writer {
    Ogg(Box<PacketWriter<'static, BufWriter<File>>>, Option<Bytes>),
    Ivf(BufWriter<File>),
}

impl Recorder {
    /// Creates `path` for a track of this codec.
    pub fn create(path: &Path, codec: &Codec) -> Result<Self, MediaError> {
        let format = Format::of(&codec.name)?;
        let writer = create(path, codec, format).map_err(|error| failed(path, error))?;
        Ok(Self {
            codec: codec.name.clone(),
            format,
            writer,
            recorded: Recorded {
                path: path.to_owned(),
                packets: 0,
                lost: 0,
                frames: 0,
            },
            waiting: BTreeMap::new(),
            next: None,
            frame: Vec::new(),
            held: 0,
            in_frame: false,
            broken: false,
            timestamp: 0,
            ticks: None,
            written: None,
        })
    }

    /// Takes a received RTP packet; packets may come out of order.
    pub fn packet(&mut self, packet: Bytes) -> Result<(), MediaError> {
        let Some(header) = Header::parse(&packet) else {
            return Ok(());
        };
        let next = *self
            .next
            .get_or_insert(u64::from(header.sequence) + (1 << 16));
        let number = unwrap(next, header.sequence);
        if number < next || self.waiting.insert(number, packet).is_some() {
            return Ok(());
        }
        self.recorded.packets += 1;
        self.write_ready(REORDER_PACKETS)
    }

    /// The sender's packets do not come for a while, or come again: what is received next goes
    /// on wherever it is, and what was between is not waited for.
    pub fn pause(&mut self) -> Result<(), MediaError> {
        self.write_ready(0)?;
        self.next = None;
        Ok(())
    }

    /// Writes what is left and closes the file.
    pub fn finish(mut self) -> Result<Recorded, MediaError> {
        self.write_ready(0)?;
        let frames = u32::try_from(self.recorded.frames).unwrap_or(u32::MAX);
        let ticks = self.ticks.map_or(0, |(ticks, _)| ticks);
        let written = match &mut self.writer {
            Writer::Ogg(out, held) => {
                write_opus(out, held.take(), ticks, PacketWriteEndInfo::EndStream)
            }
            Writer::Ivf(out) => ivf::finish(out, frames),
        };
        written.map_err(|error| failed(&self.recorded.path, error))?;
        Ok(self.recorded)
    }

    /// Goes through the packets that are due, and over a gap when more than `patience` wait.
    fn write_ready(&mut self, patience: usize) -> Result<(), MediaError> {
        while let Some((&number, _)) = self.waiting.first_key_value() {
            let next = self.next.unwrap_or(number);
            if number != next && self.waiting.len() <= patience {
                return Ok(());
            }
            let packet = self.waiting.remove(&number).expect("it is the first");
            self.recorded.lost += number - next;
            self.broken |= number != next;
            self.next = Some(number + 1);
            self.in_order(&packet)
                .map_err(|error| failed(&self.recorded.path, error))?;
        }
        Ok(())
    }

    fn in_order(&mut self, packet: &Bytes) -> io::Result<()> {
        let Some(header) = Header::parse(packet) else {
            return Ok(());
        };
        let payload = packet.slice(header.payload_offset..);
        let another = header.timestamp != self.timestamp;
        // The end of a frame is not sent where a router leaves out its higher layer, or leaves
        // it for another layer's key frame: then the rest is no frame.
        if self.in_frame && another && !begins_key_frame(&self.codec, &payload) {
            self.end_frame()?;
        }
        if !self.in_frame || another {
            self.clear();
            // Joined in the middle of a frame, or lost its start.
            self.broken = !self.format.starts(&payload);
            self.timestamp = header.timestamp;
        }
        self.in_frame = !header.marker && self.format != Format::Opus;
        // A payload keeps its whole packet in memory.
        self.held += size_of::<Bytes>() + packet.len();
        self.broken |= self.held > FRAME_BYTES;
        if self.broken {
            self.clear();
        } else {
            self.frame.push(payload);
        }
        if self.in_frame {
            return Ok(());
        }
        self.end_frame()
    }

    /// Writes the frame, if it is whole.
    fn end_frame(&mut self) -> io::Result<()> {
        let whole = !std::mem::take(&mut self.broken);
        let frame = whole.then(|| self.format.frame(&self.frame)).flatten();
        self.clear();
        frame.map_or(Ok(()), |frame| self.write(frame))
    }

    fn clear(&mut self) {
        self.frame.clear();
        self.held = 0;
    }

    fn write(&mut self, frame: Bytes) -> io::Result<()> {
        let (ticks, last) = self.ticks.unwrap_or((0, self.timestamp));
        // Another layer may begin with what was seen already: that takes no time.
        let step = self.timestamp.wrapping_sub(last).cast_signed();
        let ticks = ticks + u64::from(step.max(0).unsigned_abs());
        let last = if step < 0 { last } else { self.timestamp };
        self.ticks = Some((ticks, last));
        self.recorded.frames += 1;
        match &mut self.writer {
            Writer::Ivf(out) => {
                // But players want the times of frames to grow.
                let time = self.written.map_or(ticks, |last| ticks.max(last + 1));
                self.written = Some(time);
                ivf::write_frame(out, time, &frame)
            }
            // One packet behind: only the last one may close the stream.
            Writer::Ogg(out, held) => {
                let end = if self.recorded.frames.is_multiple_of(PAGE_PACKETS) {
                    PacketWriteEndInfo::EndPage
                } else {
                    PacketWriteEndInfo::NormalPacket
                };
                write_opus(out, held.replace(frame), ticks, end)
            }
        }
    }
}

/// `granule` is where the packet ends: where the one after it begins.
fn write_opus(
    out: &mut PacketWriter<'static, BufWriter<File>>,
    packet: Option<Bytes>,
    granule: u64,
    end: PacketWriteEndInfo,
) -> io::Result<()> {
    let Some(packet) = packet else {
        return Ok(());
    };
    let last = matches!(end, PacketWriteEndInfo::EndStream);
    let length = ogg_opus::samples(&packet).map_or(0, u64::from);
    let granule = if last { granule + length } else { granule };
    out.write_packet(packet.to_vec(), SERIAL, end, granule)
}

/// One stream in a file: any number does.
const SERIAL: u32 = 1;

fn create(path: &Path, codec: &Codec, format: Format) -> io::Result<Writer> {
    let mut out = BufWriter::new(File::create(path)?);
    if let Some(fourcc) = format.fourcc() {
        let header = ivf::Header {
            fourcc,
            width: codec.width,
            height: codec.height,
            rate: VIDEO_RATE,
            scale: 1,
        };
        ivf::write_header(&mut out, &header, 0)?;
        return Ok(Writer::Ivf(out));
    }
    let mut out = PacketWriter::new(out);
    for page in [ogg_opus::head(codec.channels.max(1)), ogg_opus::tags()] {
        out.write_packet(Cow::from(page), SERIAL, PacketWriteEndInfo::EndPage, 0)?;
    }
    Ok(Writer::Ogg(Box::new(out), None))
}

/// The number nearest to `near` whose low 16 bits are `sequence`.
fn unwrap(near: u64, sequence: u16) -> u64 {
    let distance = sequence.wrapping_sub((near & 0xffff) as u16).cast_signed();
    near.saturating_add_signed(distance.into())
}

fn failed(path: &Path, source: io::Error) -> MediaError {
    MediaError::File {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;
