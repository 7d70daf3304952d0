//! Reads a media file frame by frame.

use std::fs::File;
use std::io::{self, BufReader, Seek as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use ogg::PacketReader;
use plenum_wire::Codec;

use super::bounded::Bounded;
use super::{FRAME_BYTES, MediaError, av1, ivf, ogg_opus};

/// RTP clock rate of every video codec, in Hz.
pub(super) const VIDEO_RATE: u32 = 90_000;
/// Payload types from the dynamic range (RFC 3551); they mean what the track's codec says.
const OPUS_TYPE: u8 = 111;
const VIDEO_TYPE: u8 = 96;

/// Latest time of a frame in a file, in ticks of the codec's clock: a century.
const LATEST: u64 = 1 << 48;

/// One encoded frame, and when it is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Since the first frame; goes on growing when the file is played again.
    pub due: Duration,
    /// The same in units of the codec's clock rate.
    pub timestamp: u32,
    /// An Opus packet, or a video frame.
    pub data: Bytes,
}

/// A file that is played.
pub struct Source {
    path: PathBuf,
    codec: Codec,
    reader: Reader,
    /// Ticks of the codec's clock: where this round of the file began, and where it ends.
    start: u64,
    end: u64,
}

enum Reader {
    Ogg(Box<PacketReader<Bounded<BufReader<File>>>>),
    Ivf(BufReader<File>, ivf::Header),
}

impl Source {
    /// Opens an Ogg Opus (`.ogg`, `.opus`) or IVF (`.ivf`) file by what is in it.
    pub fn open(path: &Path) -> Result<Self, MediaError> {
        let (codec, reader) = open(path)?;
        Ok(Self {
            path: path.to_owned(),
            codec,
            reader,
            start: 0,
            end: 0,
        })
    }

    /// What is in the file.
    #[must_use]
    pub fn codec(&self) -> &Codec {
        &self.codec
    }

    /// The next frame; `None` at the end of the file.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, MediaError> {
        let read = match &mut self.reader {
            Reader::Ogg(reader) => next_opus(reader, self.end),
            Reader::Ivf(input, header) => next_video(input, header, self.start),
        };
        let Some((ticks, length, data)) = read.map_err(|error| broken(&self.path, &error))? else {
            return Ok(None);
        };
        self.end = ticks.saturating_add(length);
        Ok(Some(Frame {
            due: duration(ticks, self.codec.clock_rate),
            timestamp: u32::try_from(ticks & u64::from(u32::MAX)).expect("32 bits"),
            data,
        }))
    }

    /// Begins the file again, its frames due after those that were read.
    pub fn rewind(&mut self) -> Result<(), MediaError> {
        self.reader = open(&self.path)?.1;
        self.start = self.end;
        Ok(())
    }
}

fn open(path: &Path) -> Result<(Codec, Reader), MediaError> {
    let fail = |error: io::Error| MediaError::File {
        path: path.to_owned(),
        source: error,
    };
    let mut input = BufReader::new(File::open(path).map_err(fail)?);
    let mut magic = [0; 4];
    io::Read::read_exact(&mut input, &mut magic).map_err(|error| broken(path, &error))?;
    input.rewind().map_err(fail)?;
    match &magic {
        b"OggS" => open_ogg(input).map_err(|error| broken(path, &error)),
        b"DKIF" => open_ivf(input).map_err(|error| broken(path, &error)),
        _ => Err(MediaError::Format {
            path: path.to_owned(),
            reason: "write an Ogg Opus or an IVF file".into(),
        }),
    }
}

fn open_ogg(input: BufReader<File>) -> io::Result<(Codec, Reader)> {
    let mut reader = PacketReader::new(Bounded::new(input, FRAME_BYTES));
    let head = reader.read_packet_expected().map_err(ogg_error)?;
    let channels = ogg_opus::channels(&head.data)
        .ok_or_else(|| invalid("the Ogg file holds no mono or stereo Opus"))?;
    // May hold a picture of its author.
    reader.get_mut().allow(FRAME_BYTES);
    reader.read_packet_expected().map_err(ogg_error)?;
    let codec = Codec {
        name: "opus".into(),
        clock_rate: ogg_opus::RATE,
        payload_type: OPUS_TYPE,
        width: 0,
        height: 0,
        channels,
    };
    Ok((codec, Reader::Ogg(Box::new(reader))))
}

fn open_ivf(mut input: BufReader<File>) -> io::Result<(Codec, Reader)> {
    let header = ivf::read_header(&mut input)?;
    let name = match &header.fourcc {
        b"VP80" => "VP8",
        b"VP90" => "VP9",
        b"AV01" => "AV1",
        b"H264" => "H264",
        _ => return Err(invalid("the IVF file holds no VP8, VP9, AV1 or H.264")),
    };
    let codec = Codec {
        name: name.into(),
        clock_rate: VIDEO_RATE,
        payload_type: VIDEO_TYPE,
        width: header.width,
        height: header.height,
        channels: 0,
    };
    Ok((codec, Reader::Ivf(input, header)))
}

/// Time, length in ticks, and data of the next frame.
type Timed = Option<(u64, u64, Bytes)>;

fn next_opus(reader: &mut PacketReader<Bounded<BufReader<File>>>, at: u64) -> io::Result<Timed> {
    reader.get_mut().allow(FRAME_BYTES);
    let Some(packet) = reader.read_packet().map_err(ogg_error)? else {
        return Ok(None);
    };
    let samples = ogg_opus::samples(&packet.data).ok_or_else(|| invalid("not an Opus packet"))?;
    Ok(Some((at, samples.into(), packet.data.into())))
}

fn next_video(input: &mut BufReader<File>, header: &ivf::Header, start: u64) -> io::Result<Timed> {
    let Some((time, data)) = ivf::read_frame(input)? else {
        return Ok(None);
    };
    if &header.fourcc == b"AV01" && !av1::is_whole(&data) {
        return Err(invalid("an AV1 frame ends inside an OBU"));
    }
    if time > u64::from(u32::MAX) {
        return Err(invalid("a frame's time is out of range"));
    }
    let tick = u128::from(VIDEO_RATE) * u128::from(header.scale);
    let ticks = |time: u64| {
        let ticks = u128::from(time) * tick / u128::from(header.rate);
        let ticks = u64::try_from(ticks).ok().filter(|&ticks| ticks <= LATEST);
        ticks.ok_or_else(|| invalid("a frame's time is out of range"))
    };
    let (at, next) = (ticks(time)?, ticks(time + 1)?);
    Ok(Some((start.saturating_add(at), next - at, data)))
}

/// Whole seconds by themselves, because nanoseconds of all ticks need not fit 64 bits.
fn duration(ticks: u64, rate: u32) -> Duration {
    let rate = u64::from(rate);
    let rest = Duration::from_nanos(ticks % rate * 1_000_000_000 / rate);
    Duration::from_secs(ticks / rate) + rest
}

fn broken(path: &Path, error: &io::Error) -> MediaError {
    MediaError::Format {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

fn ogg_error(error: ogg::OggReadError) -> io::Error {
    match error {
        ogg::OggReadError::ReadError(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidData, format!("{other:?}")),
    }
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
