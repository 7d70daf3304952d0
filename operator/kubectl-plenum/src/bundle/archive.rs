//! The bundle as one file.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use tar::{Builder, Header};

use super::File;

/// Writes a gzipped tar archive; everything in it lies in the folder `root`.
pub fn write(files: &[File], root: &str, now: Timestamp, out: impl Write) -> io::Result<()> {
    let mut archive = Builder::new(GzEncoder::new(out, Compression::default()));
    for file in files {
        let mut header = Header::new_gnu();
        header.set_size(file.text.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(now.as_second()).unwrap_or_default());
        let path = format!("{root}/{}", file.path);
        archive.append_data(&mut header, path, file.text.as_bytes())?;
    }
    archive.into_inner()?.finish()?.flush()
}
