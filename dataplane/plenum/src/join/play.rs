//! Plays files into a meeting, in real time.

use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use plenum_client::TrackSender;
use plenum_client::media::{Packetizer, Source};
use plenum_wire::{Codec, Kind};
use tokio::task::JoinSet;
use tokio::time::sleep_until;

/// Files that are played together.
pub struct Players {
    waiting: Vec<Track>,
    playing: JoinSet<anyhow::Result<()>>,
    again: bool,
}

/// One file.
pub struct Track {
    /// What it is played as.
    pub kind: Kind,
    /// What is in it.
    pub codec: Codec,
    source: Source,
    sender: Option<TrackSender>,
}

impl Track {
    /// Where the file shall be played to.
    pub fn publish(&mut self, sender: TrackSender) {
        self.sender = Some(sender);
    }
}

impl Players {
    /// Opens the files; fails for one that cannot be played.
    pub fn open<'a>(
        files: impl Iterator<Item = (Kind, &'a Path)>,
        again: bool,
    ) -> anyhow::Result<Self> {
        let open = |(kind, path): (Kind, &Path)| {
            let source = Source::open(path)?;
            let codec = source.codec().clone();
            let fits = (kind == Kind::Audio) == (codec.name == "opus");
            anyhow::ensure!(
                fits,
                "{}: {} is not for --{kind}",
                path.display(),
                codec.name
            );
            Ok(Track {
                kind,
                codec,
                source,
                sender: None,
            })
        };
        Ok(Self {
            waiting: files.map(open).collect::<anyhow::Result<_>>()?,
            playing: JoinSet::new(),
            again,
        })
    }

    /// The files that are not played yet.
    pub fn tracks(&mut self) -> impl Iterator<Item = &mut Track> {
        self.waiting.iter_mut()
    }

    /// Begins to play; later calls change nothing.
    pub fn start(&mut self) {
        let began = Instant::now();
        for track in self.waiting.drain(..) {
            self.playing.spawn(play(track, began, self.again));
        }
    }

    /// Whether a file is being played.
    pub fn playing(&self) -> bool {
        !self.playing.is_empty()
    }

    /// Waits until all files are played, or one failed. Safe to drop.
    pub async fn ended(&mut self) -> anyhow::Result<()> {
        while let Some(ended) = self.playing.join_next().await {
            ended.context("a player broke")??;
        }
        Ok(())
    }

    /// Stops playing.
    pub fn stop(&mut self) {
        self.playing.abort_all();
    }
}

async fn play(mut track: Track, began: Instant, again: bool) -> anyhow::Result<()> {
    let Some(sender) = track.sender else {
        return Ok(());
    };
    let mut packetizer = Packetizer::new(&track.codec, sender.ssrc(), rand::random())?;
    loop {
        let Some(frame) = track.source.next_frame()? else {
            if !again {
                return Ok(());
            }
            track.source.rewind()?;
            let first = track.source.next_frame()?;
            let frame = first.context("the file holds no frames, it cannot be played again")?;
            send(&frame, &mut packetizer, &sender, began).await?;
            continue;
        };
        send(&frame, &mut packetizer, &sender, began).await?;
    }
}

async fn send(
    frame: &plenum_client::media::Frame,
    packetizer: &mut Packetizer,
    sender: &TrackSender,
    began: Instant,
) -> anyhow::Result<()> {
    sleep_until((began + frame.due).into()).await;
    packetizer.set_ssrc(sender.ssrc());
    for packet in packetizer.packets(frame)? {
        sender.send(&packet);
    }
    Ok(())
}
