//! A picture in several sizes: who shows it small is sent little, and a move is not seen.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use plenum_client::media::{Frame, Packetizer, Recorder, Source};
use plenum_client::{Event, JoinConfig, LayerSize, Session, TrackSender};
use plenum_wire::Kind;
use plenum_wire::control::Want;
use tempfile::TempDir;
use tokio::time::{Interval, interval, timeout};

use crate::people::PATIENCE;
use crate::site::Site;
use crate::stranger::Stranger;

/// Between two frames of the samples.
const FRAME: Duration = Duration::from_millis(40);
/// The same in ticks of their clock.
const TICKS: u32 = 3_600;

/// The layers, their heights, and less than they take.
const LAYERS: [(&str, u16, u32); 3] = [
    ("camera-low.ivf", 90, 60),
    ("camera-mid.ivf", 180, 150),
    ("camera-high.ivf", 360, 450),
];

fn frames(path: &Path) -> Vec<Frame> {
    let mut source = Source::open(path).unwrap();
    std::iter::from_fn(|| source.next_frame().unwrap()).collect()
}

fn sample(layer: usize) -> PathBuf {
    Path::new("../../samples").join(LAYERS[layer].0)
}

/// Plays the samples, each frame in all layers, and begins again at their end.
struct Camera {
    session: Session,
    sender: TrackSender,
    layers: Vec<(Packetizer, Vec<Frame>)>,
    frame: usize,
    moves: Vec<bool>,
    /// Which layers were to be sent, as it was told.
    wanted: Vec<bool>,
}

impl Camera {
    async fn join(config: JoinConfig) -> Self {
        let mut session = Session::join(config).await.unwrap();
        let sizes = LAYERS.map(|(_, height, kbps)| LayerSize {
            width: height / 9 * 16,
            height,
            kbps,
        });
        let codec = Source::open(&sample(2)).unwrap().codec().clone();
        let publishing = session.publish_layers(Kind::Video, codec.clone(), &sizes);
        let sender = publishing.await.unwrap();
        let layers = (0..3).map(|layer| {
            let packetizer = Packetizer::new(&codec, sender.layer_ssrc(layer), 7).unwrap();
            (packetizer, frames(&sample(layer.into())))
        });
        Self {
            layers: layers.collect(),
            session,
            sender,
            frame: 0,
            moves: Vec::new(),
            wanted: vec![true; 3],
        }
    }

    fn send_frame(&mut self) {
        for (layer, (packetizer, frames)) in (0..).zip(&mut self.layers) {
            packetizer.set_ssrc(self.sender.layer_ssrc(layer));
            let mut frame = frames[self.frame % frames.len()].clone();
            frame.timestamp = u32::try_from(self.frame).unwrap() * TICKS;
            for packet in packetizer.packets(&frame).unwrap() {
                self.sender.send(&packet);
            }
        }
        self.frame += 1;
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::MoveEnded { ok, .. } => self.moves.push(ok),
            Event::LayersWanted { layers, .. } => self.wanted = layers,
            _ => {}
        }
    }
}

struct Viewer {
    session: Session,
    height: u16,
    recorder: Option<Recorder>,
    path: PathBuf,
    moves: Vec<bool>,
    begun: usize,
    back: usize,
}

impl Viewer {
    async fn join(config: JoinConfig, height: u16, directory: &TempDir) -> Self {
        Self {
            session: Session::join(config).await.unwrap(),
            height,
            recorder: None,
            path: directory.path().join(format!("{height}.ivf")),
            moves: Vec::new(),
            begun: 0,
            back: 0,
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::TrackAdded(track) => {
                let heights: Vec<u16> = track.layers.iter().map(|layer| layer.height).collect();
                assert_eq!(heights, LAYERS.map(|(_, height, _)| height));
                self.session.want([Want {
                    participant: track.participant.clone(),
                    kind: Kind::Video,
                    height: self.height,
                    priority: 0,
                }]);
                self.recorder = Some(Recorder::create(&self.path, &track.codec).unwrap());
            }
            Event::TrackRemoved(track) => panic!("to the user nobody left: {track:?}"),
            Event::Packet { packet, .. } => {
                self.recorder.as_mut().unwrap().packet(packet).unwrap();
            }
            Event::MoveStarted { .. } => self.begun += 1,
            Event::MoveEnded { ok, .. } => self.moves.push(ok),
            Event::Reconnected { .. } => self.back += 1,
            _ => {}
        }
    }

    /// The layer of each frame that was recorded, after checking that none is missing. One
    /// may be seen in both sizes where the layer changes.
    fn finish(self) -> Vec<usize> {
        let (seen, layers) = self.recorded();
        for (pair, layer) in seen.windows(2).zip(layers.windows(2)) {
            let step = pair[1].timestamp / TICKS - pair[0].timestamp / TICKS;
            let both = step == 0 && layer[0] != layer[1];
            assert!(step == 1 || both, "{step} in {layers:?}");
        }
        layers
    }

    /// The frames that were recorded, and their layers.
    fn recorded(mut self) -> (Vec<Frame>, Vec<usize>) {
        let recorded = self.recorder.take().unwrap().finish().unwrap();
        assert_eq!(recorded.lost, 0);
        decode(&recorded.path);
        let samples: Vec<Vec<Frame>> = (0..3).map(|layer| frames(&sample(layer))).collect();
        let layer_of = |data: &Bytes| {
            let has = |frames: &Vec<Frame>| frames.iter().any(|frame| frame.data == *data);
            samples.iter().position(has).expect("of one of the layers")
        };
        let seen = frames(&recorded.path);
        let layers = seen.iter().map(|frame| layer_of(&frame.data)).collect();
        (seen, layers)
    }
}

/// Players that know nothing of us have nothing to say against it. Of a frame in two sizes
/// they show one.
fn decode(path: &Path) {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(path);
    ffmpeg.args(["-fps_mode", "vfr", "-f", "null", "-"]);
    ffmpeg.stdin(Stdio::null());
    let output = ffmpeg.output();
    let output = output.expect("ffmpeg has to be there: apt-get install ffmpeg");
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

/// A camera, one who shows it small and one who shows it as it is.
struct Meeting {
    camera: Camera,
    viewers: [Viewer; 2],
    pace: Interval,
    plays: bool,
    _directory: TempDir,
}

impl Meeting {
    /// Returns when the camera knows what is wanted: the middle layer is nobody's.
    async fn begin(site: &Site) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let viewer = |height| Viewer::join(site.join("meeting"), height, &directory);
        let mut meeting = Self {
            viewers: [viewer(90).await, viewer(Want::ANY_HEIGHT).await],
            camera: Camera::join(site.join("meeting")).await,
            pace: interval(FRAME),
            plays: false,
            _directory: directory,
        };
        let known = |meeting: &Self| meeting.camera.wanted == [true, false, true];
        meeting.play(known).await;
        meeting.plays = true;
        meeting
    }

    /// Goes on until it is as wanted.
    async fn play(&mut self, until: impl Fn(&Self) -> bool) {
        let playing = async {
            while !until(self) {
                let [small, full] = &mut self.viewers;
                tokio::select! {
                    _ = self.pace.tick() => if self.plays { self.camera.send_frame() },
                    event = self.camera.session.next_event() => self.camera.take(event.unwrap()),
                    event = small.session.next_event() => small.take(event.unwrap()),
                    event = full.session.next_event() => full.take(event.unwrap()),
                }
            }
        };
        timeout(PATIENCE, playing).await.expect("takes too long");
    }

    /// Plays so many frames more.
    async fn go_on(&mut self, frames: usize) {
        let end = self.camera.frame + frames;
        self.play(|meeting| meeting.camera.frame == end).await;
    }
}

/// How many of the last frames are all of the layer.
fn ends_with(seen: &[usize], layer: usize) -> usize {
    seen.iter().rev().take_while(|one| **one == layer).count()
}

#[tokio::test]
async fn everybody_gets_the_size_they_show_and_no_frame_is_missing() {
    let site = Site::with_routers(&["a"], 100).await;
    let mut meeting = Meeting::begin(&site).await;
    meeting.go_on(100).await;
    let Meeting { viewers, .. } = meeting;
    let [small, full] = viewers.map(Viewer::finish);
    assert!(
        small.len() > 90 && small.iter().all(|layer| *layer == 0),
        "{small:?}"
    );
    assert!(ends_with(&full, 2) > 25, "{full:?}");
}

#[tokio::test]
async fn a_move_of_a_meeting_with_layers_is_not_seen() {
    let mut site = Site::with_routers(&["a", "b"], 100).await;
    let mut meeting = Meeting::begin(&site).await;
    meeting.go_on(100).await;
    let home = meeting.camera.session.router().unwrap().to_string();
    site.drain(&home);
    let moved = |meeting: &Meeting| {
        let viewers = meeting.viewers.iter().map(|viewer| &viewer.moves);
        let mut all = viewers.chain([&meeting.camera.moves]);
        all.all(|moves| moves[..] == [true])
    };
    meeting.play(moved).await;
    // A key frame comes each second.
    meeting.go_on(100).await;
    for viewer in &meeting.viewers {
        assert_ne!(viewer.session.router().unwrap().as_str(), home);
    }
    let Meeting { viewers, .. } = meeting;
    let [small, full] = viewers.map(Viewer::finish);
    assert!(small.len() > 190 && ends_with(&small, 0) > 70, "{small:?}");
    assert!(full.len() > 190 && ends_with(&full, 2) > 25, "{full:?}");
}

#[tokio::test]
async fn when_the_new_router_of_a_move_dies_the_picture_goes_on_from_the_old_one() {
    let mut site = Site::with_routers(&["a"], 100).await;
    let mut meeting = Meeting::begin(&site).await;
    // Who does not go keeps the old router from releasing anybody.
    let _stays = Stranger::enter(&site, "a", "meeting").await;
    site.add_router("b", 100).await;
    site.drain("a");
    let all = |meeting: &Meeting| meeting.viewers.iter().all(|viewer| viewer.begun == 1);
    meeting.play(all).await;
    // The pictures come over with a key frame at the latest, one a second.
    meeting.go_on(75).await;
    site.kill("b");
    let failed = |meeting: &Meeting| {
        let mut viewers = meeting.viewers.iter();
        viewers.all(|viewer| viewer.moves[..] == [false])
    };
    meeting.play(failed).await;
    meeting.go_on(50).await;
    let played = u32::try_from(meeting.camera.frame).unwrap();
    let Meeting { viewers, .. } = meeting;
    for viewer in viewers {
        let (seen, layers) = viewer.recorded();
        let last = seen.last().unwrap().timestamp / TICKS;
        assert!(last + 20 > played, "{last} of {played}: {layers:?}");
    }
}

#[tokio::test]
async fn who_comes_back_from_a_lost_router_is_sent_the_size_they_show() {
    let mut site = Site::with_routers(&["a", "b"], 100).await;
    let mut meeting = Meeting::begin(&site).await;
    meeting.go_on(30).await;
    let home = meeting.camera.session.router().unwrap().to_string();
    site.kill(&home);
    let back = |meeting: &Meeting| meeting.viewers.iter().all(|viewer| viewer.back == 1);
    meeting.play(back).await;
    // Everybody's coming back, and a key frame.
    meeting.go_on(150).await;
    let Meeting { viewers, .. } = meeting;
    let [small, full] = viewers.map(|viewer| viewer.recorded().1);
    assert!(ends_with(&small, 0) > 20, "{small:?}");
    assert!(ends_with(&full, 2) > 20, "{full:?}");
}
