//! What a pool is where nothing is said.

pub(super) fn min_routers() -> u32 {
    1
}

pub(super) fn max_routers() -> u32 {
    10
}

/// What a router on two ordinary cores takes with room to spare; measure your own with
/// `plenum load`.
pub(super) fn participants_per_router() -> u32 {
    200
}

/// A quarter of a router: two large meetings may start while the next router does.
pub(super) fn spare_participants() -> u32 {
    50
}

/// Five minutes: longer than the gap between a meeting and the one that follows it.
pub(super) fn scale_down_delay_seconds() -> u32 {
    300
}

/// An hour: hardly any meeting is longer, so that hardly anybody is moved twice in one.
pub(super) fn move_pause_seconds() -> u32 {
    3600
}

/// What the chart makes where it is told to.
pub(super) fn placeholder_priority_class_name() -> String {
    "plenum-placeholder".to_owned()
}

/// The one that has no summer.
pub(super) fn time_zone() -> String {
    "UTC".to_owned()
}

/// One: the others have room for the people of one router.
pub(super) fn max_draining() -> u32 {
    1
}

/// An hour: most meetings end by themselves in it.
pub(super) fn drain_deadline_seconds() -> u32 {
    3600
}

/// Five minutes: an image is pulled in one or two, and a router starts in seconds.
pub(super) fn rollout_deadline_seconds() -> u32 {
    300
}

/// 443: what the strictest networks let through.
pub(super) fn https_port() -> u16 {
    443
}

/// 8801: what networks that know video meetings let through by UDP.
pub(super) fn media_port() -> u16 {
    8801
}

/// 9808: out of the way of the node's own exporters (9100 and the like).
pub(super) fn health_port() -> u16 {
    9808
}
