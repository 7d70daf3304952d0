//! The resource types of `plenum.dev/v1alpha1`: what a person may ask of a zone and of a pool of
//! routers, and what the operator answers in `status`.
//!
//! | file | what lives there |
//! |---|---|
//! | [`zone`] | [`MeetingZone`]: the zone controllers, how they are reached, who is admitted |
//! | [`pool`] | [`MMRPool`]: which nodes carry routers, and how many |
//! | [`conditions`] | every condition type and reason that `status.conditions` can show |
//! | [`labels`] | every label, annotation, finalizer and pod condition, by name |
//! | [`pods`] | the node of a pod that a `DaemonSet` made |
//! | [`yaml`] | the CRDs as they stand in the chart |
//!
//! Guarantees: what the API server admits by these schemas, the types here read; every default is
//! in the schema, so a stored object is complete; every refusal says what to write instead.
//!
//! Knows nothing of how anything is reconciled, and does no IO but in the binary `crds`.
//!
//! # Example
//! ```
//! use plenum_crds::{MMRPool, MMRPoolSpec};
//!
//! let routers = [("plenum.dev/routers", "true")];
//! let mut pool = MMRPool::new("routers", MMRPoolSpec::new("berlin", routers));
//! pool.metadata.namespace = Some("meetings".into());
//! assert_eq!(pool.spec.participants_per_router, 200);
//! assert!(pool.validate_cel().is_ok());
//!
//! pool.spec.min_routers = 20;
//! let refused = pool.validate_cel().unwrap_err().to_string();
//! assert!(refused.contains("raise maxRouters"));
//! ```

pub mod conditions;
pub mod labels;
pub mod pods;
pub mod pool;
pub mod yaml;
pub mod zone;

mod counts;
mod names;
mod pod_metadata;
mod resources;

pub use counts::{Participants, Replicas, Routers};
pub use pod_metadata::PodMetadata;
pub use pool::{
    AddressSource, BadAddress, MMRPool, MMRPoolSpec, MMRPoolStatus, NoAddress, NodeAutoscaler,
    PublicAddress, RouterAddresses, SpareFrom, Window,
};
pub use resources::Resources;
pub use zone::{
    Admission, AdmissionMode, CertificateSource, Certificates, Controllers, Directory, Exposure,
    ExposureType, MeetingZone, MeetingZoneSpec, MeetingZoneStatus, Proxy, SecretReference,
    TrafficPolicy, Tunnels,
};

/// The API group of every resource of Plenum.
pub const GROUP: &str = "plenum.dev";
/// The version of the group that is served and stored.
pub const VERSION: &str = "v1alpha1";
