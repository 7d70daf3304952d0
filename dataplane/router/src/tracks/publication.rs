//! What a client publishes, checked: nothing else becomes a track.

use std::collections::BTreeSet;

use plenum_wire::control::Layer;
use plenum_wire::limits::{LAYER_KBPS, LAYERS};
use plenum_wire::{Codec, Kind};

use crate::limits::CODEC_NAME_BYTES;

/// Codecs whose key frames a router can see in the packets.
const SWITCHABLE: [&str; 4] = ["VP8", "VP9", "H264", "AV1"];

/// How a track's packets come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One stream, passed on as it is.
    Plain,
    /// A stream for each layer.
    Simulcast,
    /// One stream whose packets say which layers need them.
    Scalable,
}

/// A track that may be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Publication {
    pub ssrc: u32,
    pub codec: Codec,
    pub layers: Vec<Layer>,
    pub shape: Shape,
}

impl Publication {
    /// Fails with a sentence that says what to write instead.
    pub(crate) fn check(
        kind: Kind,
        ssrc: u32,
        codec: Codec,
        layers: Vec<Layer>,
    ) -> Result<Self, String> {
        check_codec(&codec)?;
        let shape = if layers.is_empty() {
            Shape::Plain
        } else {
            check_layers(kind, &layers)?;
            shape(ssrc, &codec, &layers)?
        };
        Ok(Self {
            ssrc,
            codec,
            layers,
            shape,
        })
    }

    /// The track's own SSRC and those of its layers, each once.
    pub(crate) fn ssrcs(&self) -> BTreeSet<u32> {
        let layers = self.layers.iter().map(|layer| layer.ssrc);
        layers.chain([self.ssrc]).collect()
    }
}

fn check_codec(codec: &Codec) -> Result<(), String> {
    if codec.name.is_empty() || codec.name.len() > CODEC_NAME_BYTES {
        return Err(format!("a codec name has 1 to {CODEC_NAME_BYTES} bytes"));
    }
    if codec.payload_type > 127 {
        return Err("an RTP payload type is at most 127".to_owned());
    }
    Ok(())
}

fn check_layers(kind: Kind, layers: &[Layer]) -> Result<(), String> {
    if kind == Kind::Audio {
        return Err("audio has no layers; publish it without".to_owned());
    }
    if layers.len() > LAYERS {
        return Err(format!("a track has at most {LAYERS} layers"));
    }
    if layers.iter().any(|it| it.width == 0 || it.height == 0) {
        return Err("a layer's width and height are at least 1 pixel".to_owned());
    }
    let rates = layers.iter().map(|layer| layer.kbps);
    if layers[0].kbps == 0 || !rates.is_sorted_by(|lower, higher| lower < higher) {
        let rule = "layers go from the lowest up: kbps starts above 0 and rises with each";
        return Err(rule.to_owned());
    }
    if layers.iter().any(|layer| layer.kbps > LAYER_KBPS) {
        return Err(format!(
            "a layer takes at most {LAYER_KBPS} kbps: it is kbit/s, not bit/s"
        ));
    }
    if !layers.is_sorted_by_key(|layer| layer.height) {
        return Err("layers go from the lowest up: no height is below the one before".to_owned());
    }
    Ok(())
}

fn shape(ssrc: u32, codec: &Codec, layers: &[Layer]) -> Result<Shape, String> {
    if !SWITCHABLE.contains(&codec.name.as_str()) {
        let known = SWITCHABLE.join(", ");
        return Err(format!(
            "a track with layers has one of the codecs {known}, not {:?}",
            codec.name
        ));
    }
    if layers.iter().all(|layer| layer.ssrc == ssrc) {
        if codec.name != "AV1" {
            return Err(
                "layers that share the track's SSRC need AV1 and its dependency descriptors; \
                 for simulcast give each layer an SSRC of its own"
                    .to_owned(),
            );
        }
        return Ok(Shape::Scalable);
    }
    let mut seen = BTreeSet::from([ssrc]);
    if layers.iter().all(|layer| seen.insert(layer.ssrc)) {
        return Ok(Shape::Simulcast);
    }
    Err(
        "each layer has an SSRC of its own that is not the track's (simulcast), or all have \
         the track's (scalable)"
            .to_owned(),
    )
}
