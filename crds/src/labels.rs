//! Every name that Plenum reads or writes on objects that are not its own kinds.
//!
//! They are an interface: changing one strands what older operators wrote.

/// Who writes, in server-side apply, Leases and Events.
pub const FIELD_MANAGER: &str = "plenum-operator";

/// Finalizer on zones and pools: routers are drained before the object goes.
pub const FINALIZER: &str = "plenum.dev/drain";

/// On a zone or pool, with any value: the operator watches and reports, and changes nothing.
pub const PAUSED: &str = "plenum.dev/paused";

/// On a pool, with any value: no further router is replaced by one of another image or with other
/// settings. What is being replaced already comes to its end.
pub const ROLLOUT_PAUSED: &str = "plenum.dev/rollout-paused";

/// Label on every child: the zone it belongs to.
pub const ZONE: &str = "plenum.dev/zone";
/// Label on every child of a pool: the pool it belongs to.
pub const POOL: &str = "plenum.dev/pool";

/// Label that people put on nodes meant for routers, value `"true"`. Only a convention of the
/// examples: a pool's `nodeSelector` may ask for any other.
pub const ROUTERS: &str = "plenum.dev/routers";
/// Label that the operator puts on the nodes that carry a router now; the router `DaemonSet`
/// selects it. Its value is an [`ActivePool`]. Removing it kills the router at once.
pub const ACTIVE_POOL: &str = "plenum.dev/active-pool";

/// Annotation on a node: the drain of its router began then (RFC 3339, UTC).
pub const DRAINING_SINCE: &str = "plenum.dev/draining-since";
/// Annotation on a node: why its router drains, a [`DrainReason`](crate::conditions::DrainReason).
pub const DRAINING_REASON: &str = "plenum.dev/draining-reason";
/// Annotation that people put on a node, with any value: its router is drained and takes no new
/// meetings until the annotation is removed. `kubectl plenum drain` writes it.
pub const DRAIN_REQUESTED: &str = "plenum.dev/drain-requested";
/// Annotation that people put on a node: the address at which clients reach its router, read by
/// pools with `publicAddress.source: Annotation`. Annotation that the operator puts on a router's
/// pod, where that does not know its address by itself: the router reads it there.
pub const PUBLIC_ADDRESS: &str = "plenum.dev/public-address";

/// Annotation on a node, `"true"`: Cluster Autoscaler leaves it.
pub const CLUSTER_AUTOSCALER_KEEP: &str = "cluster-autoscaler.kubernetes.io/scale-down-disabled";
/// Annotation on a node or a pod, `"true"`: Karpenter leaves it, or the pod's node.
pub const KARPENTER_KEEP: &str = "karpenter.sh/do-not-disrupt";

/// Annotation on a pod, `"false"`: Cluster Autoscaler leaves its node.
pub const CLUSTER_AUTOSCALER_EVICT: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict";

/// Condition on a router's pod: it takes new meetings.
pub const POD_ACCEPTING: &str = "plenum.dev/Accepting";
/// Condition on a router's pod: it is being emptied.
pub const POD_DRAINING: &str = "plenum.dev/Draining";
/// Condition on a router's pod: some zone controller has heard of it, or may have. One that never
/// was heard carries nobody.
pub const POD_HEARD: &str = "plenum.dev/Heard";

/// Recommended label: the name of the application, [`APPLICATION`].
pub const APP_NAME: &str = "app.kubernetes.io/name";
/// Recommended label: which zone or pool, by name.
pub const APP_INSTANCE: &str = "app.kubernetes.io/instance";
/// Recommended label: [`COMPONENT_CONTROLLER`], [`COMPONENT_ROUTER`] or [`COMPONENT_TUNNEL`].
pub const APP_COMPONENT: &str = "app.kubernetes.io/component";
/// Recommended label: the whole that it is part of, [`APPLICATION`].
pub const APP_PART_OF: &str = "app.kubernetes.io/part-of";
/// Recommended label: who made the object, [`FIELD_MANAGER`].
pub const APP_MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Recommended label: the version of the operator that made the object. Never on a pod template:
/// upgrading the operator would restart the data plane.
pub const APP_VERSION: &str = "app.kubernetes.io/version";

/// Value of [`APP_NAME`] and [`APP_PART_OF`].
pub const APPLICATION: &str = "plenum";
/// Value of [`APP_COMPONENT`] on what belongs to the zone controllers.
pub const COMPONENT_CONTROLLER: &str = "zone-controller";
/// Value of [`APP_COMPONENT`] on what belongs to routers.
pub const COMPONENT_ROUTER: &str = "router";

/// Value of [`APP_COMPONENT`] on pods that keep room on nodes for routers.
pub const COMPONENT_PLACEHOLDER: &str = "placeholder";
/// Value of [`APP_COMPONENT`] on what belongs to tunnels.
pub const COMPONENT_TUNNEL: &str = "tunnel";

/// The value of [`ACTIVE_POOL`]: `<namespace>.<pool>`, unique in the cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActivePool(String);

/// The namespace and the name of a pool do not fit into one label value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{value:?} has {} characters and marks the nodes of the pool, where 63 fit: \
     use a shorter namespace or pool name", value.len()
)]
pub struct ActivePoolTooLong {
    value: String,
}

impl ActivePool {
    /// Longest label value that Kubernetes stores.
    pub const MAX_BYTES: usize = 63;

    /// The value for this pool. CEL cannot check it, as it does not see the namespace.
    pub fn new(namespace: &str, pool: &str) -> Result<Self, ActivePoolTooLong> {
        let value = format!("{namespace}.{pool}");
        if value.len() > Self::MAX_BYTES {
            return Err(ActivePoolTooLong { value });
        }
        Ok(Self(value))
    }

    /// The label value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
