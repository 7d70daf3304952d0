//! Files that are the layers of one picture: the same frames in several sizes.

use std::path::Path;
use std::time::Duration;

use plenum_client::LayerSize;
use plenum_client::media::Source;
use plenum_wire::Codec;
use plenum_wire::limits::LAYERS;

/// What is in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Measured {
    codec: Codec,
    frames: u32,
    /// When the last one is due.
    last: Duration,
    bytes: u64,
}

/// The sizes of files that fit together, the lowest first; none of a single file.
pub fn sizes(paths: &[&Path]) -> anyhow::Result<Vec<LayerSize>> {
    if paths.len() < 2 {
        return Ok(Vec::new());
    }
    anyhow::ensure!(
        paths.len() <= LAYERS,
        "a picture has at most {LAYERS} layers, not {}",
        paths.len()
    );
    let all: Vec<Measured> = paths
        .iter()
        .map(|path| measure(path))
        .collect::<anyhow::Result<_>>()?;
    for (index, pair) in all.windows(2).enumerate() {
        if let Some(reason) = misfit(&pair[0], &pair[1]) {
            let (one, other) = (paths[index].display(), paths[index + 1].display());
            anyhow::bail!(
                "{one} and {other} are not layers of one picture: {reason}. Make them from one \
                 source, with the same frames and key frames, and name the lowest first"
            );
        }
    }
    Ok(all.iter().map(Measured::size).collect())
}

fn measure(path: &Path) -> anyhow::Result<Measured> {
    let mut source = Source::open(path)?;
    let mut measured = Measured {
        codec: source.codec().clone(),
        frames: 0,
        last: Duration::ZERO,
        bytes: 0,
    };
    while let Some(frame) = source.next_frame()? {
        measured.frames += 1;
        measured.last = frame.due;
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
    if lower.frames != higher.frames {
        return Some(format!(
            "one has {} frames, the other {}",
            lower.frames, higher.frames
        ));
    }
    if lower.last != higher.last {
        let [one, other] = [lower, higher].map(|file| file.last.as_secs_f64());
        return Some(format!(
            "their frame rates differ: the last frame comes after {one:.2} s in one and after \
             {other:.2} s in the other"
        ));
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
    fn size(&self) -> LayerSize {
        // Between the first and the last frame is one interval less than there are frames.
        let lasts = self.last * self.frames / self.frames.saturating_sub(1).max(1);
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

    fn file(height: u16, frames: u32, last_ms: u64) -> Measured {
        Measured {
            codec: Codec {
                name: "VP8".to_owned(),
                clock_rate: 90_000,
                payload_type: 96,
                width: height / 9 * 16,
                height,
                channels: 0,
            },
            frames,
            last: Duration::from_millis(last_ms),
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
    fn what_does_not_fit_is_said() {
        let low = file(90, 250, 9_960);
        let mut high = file(180, 250, 9_960);
        high.bytes += 10_000;
        assert_eq!(misfit(&low, &high), None);
        let mut vp9 = file(180, 250, 9_960);
        vp9.codec.name = "VP9".to_owned();
        for (other, says) in [
            (vp9, "one is VP8, the other VP9"),
            (file(180, 249, 9_960), "one has 250 frames, the other 249"),
            (file(180, 250, 8_300), "9.96 s in one and after 8.30 s"),
            (file(90, 250, 9_960), "is 90 pixels high, the second 90"),
            (file(180, 250, 9_960), "takes 160 kbit/s, the second 160"),
        ] {
            let reason = misfit(&low, &other).unwrap();
            assert!(reason.contains(says), "{reason}");
        }
    }
}
