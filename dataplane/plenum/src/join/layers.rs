//! Files that are the layers of one picture: the same frames in several sizes.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use plenum_client::LayerSize;
use plenum_client::media::{Packetizer, Source, key_frame};
use plenum_wire::limits::LAYERS;
use plenum_wire::{Codec, rtp};

use super::wrong_use::WrongUse;

/// A layer begins with a key frame, and a file has them where they are: a viewer whose layer
/// has to change sees the last picture for so long at worst.
const KEY_FRAMES_WITHIN: Duration = Duration::from_secs(2);

/// What is in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Measured {
    codec: Codec,
    /// When each frame is due, and whether it is a key frame.
    frames: Vec<(Duration, bool)>,
    bytes: u64,
}

/// The sizes of files that fit together, the lowest first; none of a single file.
pub fn sizes(paths: &[&Path]) -> anyhow::Result<Vec<LayerSize>> {
    if paths.len() < 2 {
        return Ok(Vec::new());
    }
    if paths.len() > LAYERS {
        let count = paths.len();
        let reason = format!("a picture has at most {LAYERS} layers, not {count}");
        return Err(WrongUse(reason).into());
    }
    let all: Vec<Measured> = paths
        .iter()
        .map(|path| measure(path))
        .collect::<anyhow::Result<_>>()?;
    for (index, pair) in all.windows(2).enumerate() {
        if let Some(reason) = misfit(&pair[0], &pair[1]) {
            let (one, other) = (paths[index].display(), paths[index + 1].display());
            let reason = format!(
                "{one} and {other} are not layers of one picture: {reason}. Make them from one \
                 source, with the same frames and key frames, and name the lowest first"
            );
            return Err(WrongUse(reason).into());
        }
    }
    if let Some(longest) = all.first().map(Measured::longest_without_key_frame)
        && longest > KEY_FRAMES_WITHIN
    {
        tracing::warn!(
            seconds = longest.as_secs_f64(),
            "key frames are far apart in these files: for so long a picture stands when a \
             viewer's layer has to change; make one every second"
        );
    }
    Ok(all.iter().map(Measured::size).collect())
}

/// Whether these are the packets of a frame that needs none before it.
pub fn is_key_frame(codec: &Codec, packets: &[Bytes]) -> bool {
    packets.first().is_some_and(|packet| {
        let header = rtp::Header::parse(packet);
        let payload = header.map(|header| packet.slice(header.payload_offset..));
        payload.is_some_and(|payload| key_frame(codec, &payload).is_some())
    })
}

fn measure(path: &Path) -> anyhow::Result<Measured> {
    let mut source = Source::open(path)?;
    let mut measured = Measured {
        codec: source.codec().clone(),
        frames: Vec::new(),
        bytes: 0,
    };
    let mut packetizer = Packetizer::new(&measured.codec, 0, 0)?;
    while let Some(frame) = source.next_frame()? {
        let packets = packetizer.packets(&frame)?;
        let key = is_key_frame(&measured.codec, &packets);
        measured.frames.push((frame.due, key));
        measured.bytes += frame.data.len() as u64;
    }
    Ok(measured)
}

/// Why a file and the next larger one do not fit together.
fn misfit(lower: &Measured, higher: &Measured) -> Option<String> {
    let (one, other) = (&lower.codec, &higher.codec);
    if one.name != other.name {
        return Some(format!("one is {}, the other {}", one.name, other.name));
    }
    if lower.frames.len() != higher.frames.len() {
        let [one, other] = [lower, higher].map(|file| file.frames.len());
        return Some(format!("one has {one} frames, the other {other}"));
    }
    let mut pairs = (1..).zip(lower.frames.iter().zip(&higher.frames));
    if let Some((number, (one, other))) = pairs.find(|(_, (one, other))| one != other) {
        let [after, later] = [one.0, other.0].map(|due| due.as_secs_f64());
        return Some(if one.0 == other.0 {
            format!("frame {number} is a key frame in only one of them")
        } else {
            format!(
                "frame {number} comes after {after:.3} s in one and after {later:.3} s in the other"
            )
        });
    }
    if one.height >= other.height {
        return Some(format!(
            "the first is {} pixels high, the second {}",
            one.height, other.height
        ));
    }
    let [one, other] = [lower, higher].map(|file| file.size().kbps);
    (one >= other).then(|| format!("the first takes {one} kbit/s, the second {other}"))
}

impl Measured {
    fn longest_without_key_frame(&self) -> Duration {
        let mut key = Duration::ZERO;
        let mut longest = Duration::ZERO;
        for &(due, is_key) in &self.frames {
            longest = longest.max(due.saturating_sub(key));
            key = if is_key { due } else { key };
        }
        longest
    }

    fn size(&self) -> LayerSize {
        // Between the first and the last frame is one interval less than there are frames.
        let frames = u32::try_from(self.frames.len()).unwrap_or(u32::MAX);
        let last = self.frames.last().map_or(Duration::ZERO, |(due, _)| *due);
        let lasts = last.saturating_mul(frames) / frames.saturating_sub(1).max(1);
        let ms = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX).max(1);
        LayerSize {
            width: self.codec.width,
            height: self.codec.height,
            kbps: u32::try_from((self.bytes * 8).div_ceil(ms)).unwrap_or(u32::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many frames at even distances, the first of 50 a key frame.
    fn file(height: u16, count: u32, last_ms: u64) -> Measured {
        let interval = Duration::from_millis(last_ms) / count.saturating_sub(1).max(1);
        let frames = (0..count).map(|number| (interval * number, number.is_multiple_of(50)));
        Measured {
            codec: Codec {
                name: "VP8".to_owned(),
                clock_rate: 90_000,
                payload_type: 96,
                width: height / 9 * 16,
                height,
                channels: 0,
            },
            frames: frames.collect(),
            bytes: 200_000,
        }
    }

    #[test]
    fn a_file_is_as_fast_as_it_is_large() {
        // 250 frames of 40 ms.
        let size = file(180, 250, 9_960).size();
        assert_eq!((size.height, size.kbps), (180, 160));
        assert_eq!(
            file(180, 0, 0).size().kbps,
            1_600_000,
            "nothing to divide by"
        );
    }

    #[test]
    fn how_long_a_picture_may_stand_is_known() {
        let mut file = file(180, 250, 9_960);
        let longest = |file: &Measured| file.longest_without_key_frame();
        assert_eq!(longest(&file), Duration::from_secs(2));
        file.frames[200].1 = false;
        assert_eq!(longest(&file), Duration::from_millis(249 * 40 - 6_000));
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let low = file(90, 250, 9_960);
        let mut high = file(180, 250, 9_960);
        high.bytes += 10_000;
        assert_eq!(misfit(&low, &high), None);
        let mut vp9 = file(180, 250, 9_960);
        vp9.codec.name = "VP9".to_owned();
        let [mut late, mut keyed] = [high.clone(), high.clone()];
        late.frames[7].0 += Duration::from_millis(10);
        keyed.frames[7].1 = true;
        for (other, says) in [
            (vp9, "one is VP8, the other VP9"),
            (file(180, 249, 9_960), "one has 250 frames, the other 249"),
            (
                file(180, 250, 8_217),
                "frame 2 comes after 0.040 s in one and after 0.033 s",
            ),
            (late, "frame 8 comes after 0.280 s in one and after 0.290 s"),
            (keyed, "frame 8 is a key frame in only one of them"),
            (file(90, 250, 9_960), "is 90 pixels high, the second 90"),
            (file(180, 250, 9_960), "takes 160 kbit/s, the second 160"),
        ] {
            let reason = misfit(&low, &other).unwrap();
            assert!(reason.contains(says), "{reason}");
        }
    }
}
