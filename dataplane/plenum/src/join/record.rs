//! Counts what is received of each track, and writes it to files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;
use bytes::Bytes;
use plenum_client::is_heard;
use plenum_client::media::{Recorder, key_frame};
use plenum_client::quality::Judge;
use plenum_wire::control::Track;
use plenum_wire::{Kind, ParticipantId, rtp};

use super::report::{Received, Seen};

type TrackKey = (ParticipantId, Kind, u32);

/// All tracks of a meeting. A file is open only as long as its track is there: others can
/// publish anew as often as they like.
pub struct Recordings {
    directory: Option<PathBuf>,
    tracks: BTreeMap<TrackKey, Recording>,
    /// Who is among the loudest, once the routers have said so.
    slots: Option<Vec<Option<ParticipantId>>>,
    /// How many files a participant's tracks of a kind have had.
    files: BTreeMap<(ParticipantId, Kind), u32>,
    /// Of tracks that are over.
    received: Vec<Received>,
}

struct Recording {
    recorder: Option<Recorder>,
    count: Count,
    judge: Judge,
}

/// Counts packets by their sequence numbers, which come without duplicates. What is missing
/// counts only while the track is heard.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    packets: u64,
    /// Not among the loudest: the routers do not send it on.
    unheard: bool,
    /// Due before, and each packet that came unheard, sent just before that changed.
    due: u64,
    /// First and last number, counted on past 2^16.
    range: Option<(u64, u64)>,
}

impl Count {
    fn add(&mut self, sequence: u16) {
        self.packets += 1;
        if self.unheard {
            self.due += 1;
            return;
        }
        let (first, last) = self.range.unwrap_or_else(|| {
            let start = u64::from(sequence) + (1 << 16);
            (start, start)
        });
        let distance = sequence.wrapping_sub((last & 0xffff) as u16).cast_signed();
        let number = last.saturating_add_signed(distance.into());
        self.range = Some((first.min(number), last.max(number)));
    }

    /// Whether that is a change.
    fn hear(&mut self, heard: bool) -> bool {
        if heard != self.unheard {
            return false;
        }
        self.unheard = !heard;
        self.due += self.take_range();
        true
    }

    fn take_range(&mut self) -> u64 {
        let range = self.range.take();
        range.map_or(0, |(first, last)| last - first + 1)
    }

    fn lost(mut self) -> u64 {
        (self.due + self.take_range()).saturating_sub(self.packets)
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
            slots: None,
            files: BTreeMap::new(),
            received: Vec::new(),
        })
    }

    /// Takes a packet.
    pub fn packet(&mut self, track: &Track, packet: Bytes, at: Instant) -> anyhow::Result<()> {
        let Some(header) = rtp::Header::parse(&packet) else {
            return Ok(());
        };
        let key = key(track);
        if !self.tracks.contains_key(&key) {
            let recorder = self.recorder(track);
            let mut count = Count::default();
            count.hear(self.hears(track.kind, &track.participant));
            let recording = Recording {
                recorder,
                count,
                judge: Judge::of(track),
            };
            self.tracks.insert(key.clone(), recording);
        }
        let Some(recording) = self.tracks.get_mut(&key) else {
            return Ok(());
        };
        recording.count.add(header.sequence);
        if !recording.count.unheard {
            let payload = packet.slice(header.payload_offset..);
            let key = key_frame(&track.codec, &payload);
            recording.judge.receive(&header, key, at);
        }
        if let Some(recorder) = &mut recording.recorder {
            recorder.packet(packet)?;
        }
        Ok(())
    }

    fn hears(&self, kind: Kind, who: &ParticipantId) -> bool {
        let slots = self.slots.as_ref();
        kind != Kind::Audio || slots.is_none_or(|slots| is_heard(slots, who))
    }

    /// The routers send on the audio of these from now on, and of nobody else.
    pub fn heard(&mut self, slots: Vec<Option<ParticipantId>>) -> anyhow::Result<()> {
        self.slots = Some(slots);
        let mut tracks = std::mem::take(&mut self.tracks);
        for ((who, kind, _), recording) in &mut tracks {
            if !recording.count.hear(self.hears(*kind, who)) {
                continue;
            }
            recording.judge.pause(Instant::now());
            if let Some(recorder) = &mut recording.recorder {
                recorder.pause()?;
            }
        }
        self.tracks = tracks;
        Ok(())
    }

    /// Closes the file of a track that is over.
    pub fn end(&mut self, track: &Track) -> anyhow::Result<()> {
        let key = key(track);
        match self.tracks.remove(&key) {
            Some(recording) => self.close(key, recording),
            None => Ok(()),
        }
    }

    /// Closes all files.
    pub fn finish(mut self) -> anyhow::Result<Vec<Received>> {
        for (key, recording) in std::mem::take(&mut self.tracks) {
            self.close(key, recording)?;
        }
        let whose = |one: &Received| (one.participant.clone(), one.kind);
        self.received.sort_by_key(whose);
        Ok(self.received)
    }

    fn close(
        &mut self,
        (participant, kind, _): TrackKey,
        recording: Recording,
    ) -> anyhow::Result<()> {
        let quality = recording.judge.quality(Instant::now());
        let file = recording.recorder.map(Recorder::finish).transpose()?;
        self.received.push(Received {
            participant,
            kind,
            file: file.map(|recorded| recorded.path),
            packets: recording.count.packets,
            lost: recording.count.lost(),
            quality: Seen::of(kind, &quality),
        });
        Ok(())
    }

    /// `None` where there is nothing to record, or no way to: what somebody else publishes
    /// must not end our session.
    fn recorder(&mut self, track: &Track) -> Option<Recorder> {
        let directory = self.directory.as_ref()?;
        let extension = if track.codec.name == "opus" {
            "ogg"
        } else {
            "ivf"
        };
        // A track that was published anew does not overwrite the former one.
        let whose = (track.participant.clone(), track.kind);
        let files = self.files.entry(whose).or_default();
        *files += 1;
        let suffix = match *files {
            1 => String::new(),
            number => format!("-{number}"),
        };
        let name = format!("{}-{}{suffix}.{extension}", track.participant, track.kind);
        Recorder::create(&directory.join(name), &track.codec)
            .inspect_err(|error| {
                tracing::warn!(%error, participant = %track.participant, kind = %track.kind, "not recorded");
            })
            .ok()
    }
}

fn key(track: &Track) -> TrackKey {
    (track.participant.clone(), track.kind, track.ssrc)
}

#[cfg(test)]
mod tests {
    use plenum_wire::Codec;

    use super::*;

    fn voice(ssrc: u32) -> Track {
        Track {
            participant: "ann".parse().unwrap(),
            kind: Kind::Audio,
            ssrc,
            codec: Codec {
                name: "opus".to_owned(),
                clock_rate: 48_000,
                payload_type: 111,
                width: 0,
                height: 0,
                channels: 2,
            },
            layers: Vec::new(),
        }
    }

    fn packet(ssrc: u32) -> Bytes {
        let header = rtp::Header {
            payload_type: 111,
            marker: false,
            sequence: 1,
            timestamp: 960,
            ssrc,
            payload_offset: 12,
        };
        // One frame of 20 ms.
        rtp::write(&header, &[0xf8, 0, 0])
    }

    fn names(received: &[Received]) -> Vec<Option<&str>> {
        let files = received.iter().map(|one| one.file.as_deref());
        files.map(|file| file?.file_name()?.to_str()).collect()
    }

    #[test]
    fn a_track_that_is_over_has_its_file_closed_and_the_next_one_another() {
        let directory = tempfile::tempdir().unwrap();
        let mut recordings = Recordings::new(Some(directory.path())).unwrap();
        for ssrc in 1..=3 {
            recordings
                .packet(&voice(ssrc), packet(ssrc), Instant::now())
                .unwrap();
            assert_eq!(recordings.tracks.len(), 1, "open at once");
            recordings.end(&voice(ssrc)).unwrap();
        }
        // The same source again, as after coming back.
        recordings
            .packet(&voice(1), packet(1), Instant::now())
            .unwrap();
        let received = recordings.finish().unwrap();
        let files = [
            "ann-audio.ogg",
            "ann-audio-2.ogg",
            "ann-audio-3.ogg",
            "ann-audio-4.ogg",
        ];
        assert_eq!(names(&received), files.map(Some));
        assert!(received.iter().all(|one| one.packets == 1));
    }

    #[test]
    fn a_file_that_cannot_be_made_is_missing_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("ann-audio.ogg")).unwrap();
        let mut recordings = Recordings::new(Some(directory.path())).unwrap();
        recordings
            .packet(&voice(1), packet(1), Instant::now())
            .unwrap();
        let received = recordings.finish().unwrap();
        assert_eq!(names(&received), [None]);
        assert_eq!(received[0].packets, 1);
    }

    #[test]
    fn what_is_missing_between_first_and_last_is_lost() {
        let mut count = Count::default();
        for sequence in [65_534, 65_535, 1, 0, 4] {
            count.add(sequence);
        }
        assert_eq!((count.packets, count.lost()), (5, 2));
    }

    #[test]
    fn what_was_not_sent_on_is_not_lost() {
        let mut count = Count::default();
        (0..10).for_each(|sequence| count.add(sequence));
        assert!(count.hear(false) && !count.hear(false));
        // On its way when the news came, and here before the next.
        for sequence in [10, 40_000] {
            count.add(sequence);
        }
        assert!(count.hear(true));
        for sequence in [40_001, 40_003] {
            count.add(sequence);
        }
        assert_eq!((count.packets, count.lost()), (14, 1));
    }

    #[test]
    fn nothing_received_is_nothing_lost() {
        assert_eq!(Count::default().lost(), 0);
    }
}
