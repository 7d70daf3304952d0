//! What both kinds count in their status.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Routers by what they do now. A draining router still counts as active: its people are on it.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Routers {
    /// Routers that should carry meetings.
    #[serde(default)]
    pub desired: u32,
    /// Routers whose node is labelled for this pool, whatever they do.
    #[serde(default)]
    pub active: u32,
    /// Routers that take new meetings: their pods have the condition plenum.dev/Accepting.
    #[serde(default)]
    pub accepting: u32,
    /// Routers that are being emptied: their pods have the condition plenum.dev/Draining.
    #[serde(default)]
    pub draining: u32,
}

/// How many people there are and how many there could be.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Participants {
    /// People in meetings now.
    #[serde(default)]
    pub in_use: u32,
    /// People that the accepting routers can hold together.
    #[serde(default)]
    pub capacity: u32,
}

/// How many pods of a kind there are.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Replicas {
    /// How many there should be.
    #[serde(default)]
    pub desired: u32,
    /// How many answer.
    #[serde(default)]
    pub ready: u32,
}
