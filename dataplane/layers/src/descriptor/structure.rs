//! What the frames of a stream may be: `template_dependency_structure` of the AV1 RTP
//! specification, A.8.2. It comes with a key frame and holds until the next.

use super::bits::Bits;
use super::{References, TargetInfo};

/// Template ids have six bits.
const TEMPLATES: usize = 64;
/// `MAX_SPATIAL_ID` and `MAX_TEMPORAL_ID`.
const HIGHEST_SPATIAL: u8 = 3;
const HIGHEST_TEMPORAL: u8 = 7;

/// What frames of one template have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Template {
    pub(super) spatial: u8,
    pub(super) temporal: u8,
    pub(super) targets: TargetInfo,
    pub(super) references: References,
}

#[derive(Debug)]
pub(super) struct Structure {
    /// The id of the first template.
    offset: u8,
    /// Decode targets, 1 to 32.
    pub(super) targets: u8,
    /// 1 to 64.
    templates: Vec<Template>,
}

impl Structure {
    pub(super) fn read(bits: &mut Bits<'_>) -> Option<Self> {
        let offset = u8::try_from(bits.take(6)?).ok()?;
        let targets = u8::try_from(bits.take(5)? + 1).ok()?;
        let mut templates = layers(bits)?;
        for template in &mut templates {
            template.targets = TargetInfo::read(targets, bits)?;
        }
        for template in &mut templates {
            template.references = References::of_template(bits)?;
        }
        pass_chains(targets, templates.len(), bits)?;
        if bits.flag()? {
            let spatial = templates.last()?.spatial;
            for _ in 0..=spatial {
                bits.take(32)?;
            }
        }
        Some(Self {
            offset,
            targets,
            templates,
        })
    }

    pub(super) fn template(&self, id: u8) -> Option<&Template> {
        let index = id.wrapping_sub(self.offset) & 63;
        self.templates.get(usize::from(index))
    }
}

/// `template_layers`.
fn layers(bits: &mut Bits<'_>) -> Option<Vec<Template>> {
    let (mut spatial, mut temporal) = (0, 0);
    let mut templates = Vec::new();
    while templates.len() < TEMPLATES {
        templates.push(Template {
            spatial,
            temporal,
            targets: TargetInfo::default(),
            references: References::default(),
        });
        match bits.take(2)? {
            0 => {}
            1 => temporal += 1,
            2 => (spatial, temporal) = (spatial + 1, 0),
            _ => return Some(templates),
        }
        if spatial > HIGHEST_SPATIAL || temporal > HIGHEST_TEMPORAL {
            return None;
        }
    }
    None
}

/// `template_chains`. Chains tell of losses at once; here the gaps in the numbers do.
fn pass_chains(targets: u8, templates: usize, bits: &mut Bits<'_>) -> Option<()> {
    let chains = bits.below(u32::from(targets) + 1)?;
    if chains == 0 {
        return Some(());
    }
    for _ in 0..targets {
        bits.below(chains)?;
    }
    for _ in 0..templates {
        for _ in 0..chains {
            bits.take(4)?;
        }
    }
    Some(())
}
