//! A reader that stops when something costs too much to read.

use std::io::{self, Read, Seek, SeekFrom};

/// Reads at most so many bytes until more are allowed: an Ogg packet may go on over any number
/// of pages, and its reader keeps them all.
#[derive(Debug)]
pub(super) struct Bounded<R> {
    inner: R,
    left: usize,
}

impl<R> Bounded<R> {
    /// `bytes` may be read at first.
    pub(super) const fn new(inner: R, bytes: usize) -> Self {
        Self { inner, left: bytes }
    }

    /// From here on `bytes` may be read.
    pub(super) const fn allow(&mut self, bytes: usize) {
        self.left = bytes;
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !out.is_empty() {
            let reason = "a packet is longer than 8 MiB";
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        let most = out.len().min(self.left);
        let read = self.inner.read(&mut out[..most])?;
        self.left -= read;
        Ok(read)
    }
}

impl<R: Seek> Seek for Bounded<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}
