//! IVF: a 32-byte header, then frames with a 12-byte header each, little endian.

use std::io::{self, Read, Seek, SeekFrom, Write};

use bytes::Bytes;

use super::FRAME_BYTES;

/// What an IVF file says of its video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) fourcc: [u8; 4],
    pub(super) width: u16,
    pub(super) height: u16,
    /// Ticks in a second are `rate` / `scale`.
    pub(super) rate: u32,
    pub(super) scale: u32,
}

pub(super) fn read_header(input: &mut impl Read) -> io::Result<Header> {
    let mut bytes = [0; 32];
    input.read_exact(&mut bytes)?;
    let u16_at = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    let u32_at =
        |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let header = Header {
        fourcc: [bytes[8], bytes[9], bytes[10], bytes[11]],
        width: u16_at(12),
        height: u16_at(14),
        rate: u32_at(16),
        scale: u32_at(20),
    };
    if &bytes[..4] != b"DKIF" || u16_at(6) != 32 || header.rate == 0 || header.scale == 0 {
        return Err(invalid("this is no IVF file"));
    }
    Ok(header)
}

/// The next frame and its time in ticks; `None` at the end.
pub(super) fn read_frame(input: &mut impl Read) -> io::Result<Option<(u64, Bytes)>> {
    let mut size = [0; 4];
    if let Err(error) = input.read_exact(&mut size) {
        let end = error.kind() == io::ErrorKind::UnexpectedEof;
        return if end { Ok(None) } else { Err(error) };
    }
    let mut time = [0; 8];
    input.read_exact(&mut time)?;
    let size = u32::from_le_bytes(size) as usize;
    if size > FRAME_BYTES {
        return Err(invalid("a frame is longer than 8 MiB"));
    }
    let mut frame = vec![0; size];
    input.read_exact(&mut frame)?;
    Ok(Some((u64::from_le_bytes(time), frame.into())))
}

pub(super) fn write_header(out: &mut impl Write, header: &Header, frames: u32) -> io::Result<()> {
    out.write_all(b"DKIF\0\0\x20\0")?;
    out.write_all(&header.fourcc)?;
    out.write_all(&header.width.to_le_bytes())?;
    out.write_all(&header.height.to_le_bytes())?;
    out.write_all(&header.rate.to_le_bytes())?;
    out.write_all(&header.scale.to_le_bytes())?;
    out.write_all(&frames.to_le_bytes())?;
    out.write_all(&[0; 4])
}

pub(super) fn write_frame(out: &mut impl Write, time: u64, frame: &[u8]) -> io::Result<()> {
    let size = u32::try_from(frame.len()).map_err(|_| invalid("a frame is longer than 4 GiB"))?;
    out.write_all(&size.to_le_bytes())?;
    out.write_all(&time.to_le_bytes())?;
    out.write_all(frame)
}

/// Puts the number of frames into the header, when it is known at the end.
pub(super) fn finish(out: &mut (impl Write + Seek), frames: u32) -> io::Result<()> {
    out.seek(SeekFrom::Start(24))?;
    out.write_all(&frames.to_le_bytes())?;
    out.flush()
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
