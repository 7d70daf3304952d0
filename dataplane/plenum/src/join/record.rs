//! Counts what is received of each track, and writes it to files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bytes::Bytes;
use plenum_client::media::{MediaError, Recorder};
use plenum_wire::control::Track;
use plenum_wire::{Kind, ParticipantId, rtp};

use super::report::Received;

/// All tracks of a meeting.
pub struct Recordings {
    directory: Option<PathBuf>,
    tracks: BTreeMap<(ParticipantId, Kind, u32), Recording>,
}

#[derive(Default)]
struct Recording {
    recorder: Option<Recorder>,
    count: Count,
}

/// Counts packets by their sequence numbers, which come without duplicates.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    packets: u64,
    /// First and last number, counted on past 2^16.
    range: Option<(u64, u64)>,
}

impl Count {
    fn add(&mut self, sequence: u16) {
        self.packets += 1;
        let (first, last) = self.range.unwrap_or_else(|| {
            let start = u64::from(sequence) + (1 << 16);
            (start, start)
        });
        let distance = sequence.wrapping_sub((last & 0xffff) as u16).cast_signed();
        let number = last.saturating_add_signed(distance.into());
        self.range = Some((first.min(number), last.max(number)));
    }

    fn lost(&self) -> u64 {
        let between = self.range.map_or(0, |(first, last)| last - first + 1);
        between.saturating_sub(self.packets)
    }
}

impl Recordings {
    /// Writes below `directory`, which is made; only counts without one.
    pub fn new(directory: Option<&Path>) -> anyhow::Result<Self> {
        if let Some(directory) = directory {
            std::fs::create_dir_all(directory)
                .with_context(|| format!("--record {}", directory.display()))?;
        }
        Ok(Self {
            directory: directory.map(Path::to_owned),
            tracks: BTreeMap::new(),
        })
    }

    /// Takes a packet.
    pub fn packet(&mut self, track: &Track, packet: Bytes) -> anyhow::Result<()> {
        let Some(header) = rtp::Header::parse(&packet) else {
            return Ok(());
        };
        let key = (track.participant.clone(), track.kind, track.ssrc);
        if !self.tracks.contains_key(&key) {
            let recorder = self.recorder(track)?;
            self.tracks.insert(
                key.clone(),
                Recording {
                    recorder,
                    count: Count::default(),
                },
            );
        }
        let recording = self.tracks.entry(key).or_default();
        recording.count.add(header.sequence);
        if let Some(recorder) = &mut recording.recorder {
            recorder.packet(packet)?;
        }
        Ok(())
    }

    /// Closes all files.
    pub fn finish(self) -> anyhow::Result<Vec<Received>> {
        let mut received = Vec::new();
        for ((participant, kind, _), recording) in self.tracks {
            let file = recording.recorder.map(Recorder::finish).transpose()?;
            received.push(Received {
                participant,
                kind,
                file: file.map(|recorded| recorded.path),
                packets: recording.count.packets,
                lost: recording.count.lost(),
            });
        }
        Ok(received)
    }

    fn recorder(&self, track: &Track) -> anyhow::Result<Option<Recorder>> {
        let Some(directory) = &self.directory else {
            return Ok(None);
        };
        let extension = if track.codec.name == "opus" {
            "ogg"
        } else {
            "ivf"
        };
        // A track that was published anew does not overwrite the former one.
        let before = self
            .tracks
            .keys()
            .filter(|(participant, kind, _)| {
                (participant, *kind) == (&track.participant, track.kind)
            })
            .count();
        let suffix = if before == 0 {
            String::new()
        } else {
            format!("-{}", before + 1)
        };
        let name = format!("{}-{}{suffix}.{extension}", track.participant, track.kind);
        match Recorder::create(&directory.join(name), &track.codec) {
            Ok(recorder) => Ok(Some(recorder)),
            Err(MediaError::Codec(codec)) => {
                tracing::warn!(codec, participant = %track.participant, "not recorded: unknown codec");
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_between_first_and_last_is_lost() {
        let mut count = Count::default();
        for sequence in [65_534, 65_535, 1, 0, 4] {
            count.add(sequence);
        }
        assert_eq!((count.packets, count.lost()), (5, 2));
    }

    #[test]
    fn nothing_received_is_nothing_lost() {
        assert_eq!(Count::default().lost(), 0);
    }
}
