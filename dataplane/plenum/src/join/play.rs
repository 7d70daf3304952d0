//! Plays files into a meeting, in real time.

use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use plenum_client::media::{Frame, Packetizer, Source};
use plenum_client::{LayerSize, PublishError, Session, TrackSender};
use plenum_wire::{Codec, Kind};
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use super::layers;
use super::wrong_use::WrongUse;

/// Files that are played together.
pub struct Players {
    waiting: Vec<Track>,
    playing: JoinSet<anyhow::Result<()>>,
    again: bool,
}

/// One track: a file, or one for each of its layers.
pub struct Track {
    kind: Kind,
    /// The lowest layer first.
    files: Vec<Source>,
    sizes: Vec<LayerSize>,
    sender: Option<TrackSender>,
}

impl Track {
    fn open(kind: Kind, paths: &[&Path]) -> anyhow::Result<Option<Self>> {
        let files = paths.iter().map(|path| open(kind, path));
        let files: Vec<Source> = files.collect::<anyhow::Result<_>>()?;
        let sizes = layers::sizes(paths)?;
        Ok((!files.is_empty()).then_some(Self {
            kind,
            files,
            sizes,
            sender: None,
        }))
    }

    /// Publishes what is to be played.
    pub async fn publish(&mut self, session: &mut Session) -> Result<(), PublishError> {
        // The highest layer's: that is what the track is.
        let Some(codec) = self.files.last().map(|file| file.codec().clone()) else {
            return Ok(());
        };
        self.sender = Some(if self.sizes.is_empty() {
            session.publish(self.kind, codec).await?
        } else {
            session
                .publish_layers(self.kind, codec, &self.sizes)
                .await?
        });
        Ok(())
    }
}

fn open(kind: Kind, path: &Path) -> anyhow::Result<Source> {
    let source = Source::open(path)?;
    let codec = &source.codec().name;
    let fits = (kind == Kind::Audio) == (codec == "opus");
    if !fits {
        let reason = format!("{}: {codec} is not for --{kind}", path.display());
        return Err(WrongUse(reason).into());
    }
    Ok(source)
}

impl Players {
    /// Opens the files of each kind; fails for one that cannot be played.
    pub fn open<'a>(
        files: impl Iterator<Item = (Kind, Vec<&'a Path>)>,
        again: bool,
    ) -> anyhow::Result<Self> {
        let tracks = files.map(|(kind, paths)| Track::open(kind, &paths));
        let tracks: Vec<Option<Track>> = tracks.collect::<anyhow::Result<_>>()?;
        Ok(Self {
            waiting: tracks.into_iter().flatten().collect(),
            playing: JoinSet::new(),
            again,
        })
    }

    /// The tracks that are not played yet.
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

/// All layers in step: what was captured together is sent together.
async fn play(track: Track, began: Instant, again: bool) -> anyhow::Result<()> {
    let Some(sender) = track.sender else {
        return Ok(());
    };
    let mut layers = Vec::new();
    for (number, file) in (0..).zip(track.files) {
        layers.push(Layer::new(number, file, &sender)?);
    }
    loop {
        let mut frames = Vec::with_capacity(layers.len());
        for layer in &mut layers {
            match layer.next_frame(again)? {
                Some(frame) => frames.push(frame),
                None => return Ok(()),
            }
        }
        if let Some(first) = frames.first() {
            sleep_until((began + first.due).into()).await;
        }
        for (layer, frame) in layers.iter_mut().zip(&frames) {
            layer.send(frame, &sender)?;
        }
    }
}

/// One file being played.
struct Layer {
    number: u8,
    file: Source,
    codec: Codec,
    packetizer: Packetizer,
    /// Nobody wanted it, and no key frame has come since.
    rests: bool,
}

impl Layer {
    fn new(number: u8, file: Source, sender: &TrackSender) -> anyhow::Result<Self> {
        let codec = file.codec().clone();
        let ssrc = sender.layer_ssrc(number);
        Ok(Self {
            number,
            file,
            packetizer: Packetizer::new(&codec, ssrc, rand::random())?,
            codec,
            rests: false,
        })
    }

    fn next_frame(&mut self, again: bool) -> anyhow::Result<Option<Frame>> {
        if let Some(frame) = self.file.next_frame()? {
            return Ok(Some(frame));
        }
        if !again {
            return Ok(None);
        }
        self.file.rewind()?;
        let first = self.file.next_frame()?;
        let first = first.context("the file holds no frames, it cannot be played again")?;
        Ok(Some(first))
    }

    /// Sends a frame, unless nobody wants the layer or what it refers to was not sent.
    fn send(&mut self, frame: &Frame, sender: &TrackSender) -> anyhow::Result<()> {
        if !sender.wants_layer(self.number) {
            self.rests = true;
            return Ok(());
        }
        self.packetizer.set_ssrc(sender.layer_ssrc(self.number));
        let first = self.packetizer.sequence();
        let packets = self.packetizer.packets(frame)?;
        self.rests = self.rests && !layers::is_key_frame(&self.codec, &packets);
        if self.rests {
            // What is not sent has no numbers.
            self.packetizer.set_sequence(first);
            return Ok(());
        }
        for packet in packets {
            sender.send(&packet);
        }
        Ok(())
    }
}
