//! The types and reasons of `status.conditions`, and why a router drains.
//!
//! People and scripts match on these words (`kubectl wait --for=condition=Ready`): they are an
//! interface. A condition that is `True` says that all is well; the reason says why it is not.

use std::fmt;

/// Enums whose variants are written in Kubernetes as they are written here.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// Every variant, in the order of the declaration.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word as Kubernetes stores it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)+ }
            }

            /// The variant of this word, if there is one.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|variant| variant.as_str() == word)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )+};
}

words! {
    /// What a `MeetingZone` says of itself.
    ZoneCondition {
        /// People can ask this zone for a router: certificates and controllers are ready.
        Ready,
        /// The zone's certificates are there and valid.
        CertificatesReady,
        /// At least one zone controller answers, and none waits for a change.
        ControllersReady,
        /// At least one router of the zone takes meetings.
        RoutersAccepting,
        /// At least one tunnel answers to clients outside the cluster, or there are to be none.
        TunnelsReady,
    }

    /// Why a condition of a `MeetingZone` is as it is.
    ZoneReason {
        /// Ready: all of its parts are.
        Serving,
        /// Ready: the zone is deleted, its routers drain first.
        Deleting,
        /// Any: the annotation plenum.dev/paused is set, nothing is changed.
        Paused,
        /// Any: the spec asks for what the schema cannot refuse; the message says what to write.
        InvalidSpec,
        /// Any: the API server refused a child; the message is its own.
        ApplyRefused,
        /// Ready, `CertificatesReady`: certificates are there and valid.
        CertificatesIssued,
        /// Ready, `CertificatesReady`: the Secret that the zone names is not there.
        SecretNotFound,
        /// Ready, `CertificatesReady`: the Secret does not hold what is needed.
        SecretInvalid,
        /// Ready, `CertificatesReady`: the certificate in the Secret has run out.
        CertificateExpired,
        /// Ready, `ControllersReady`: all controllers answer.
        ControllersServing,
        /// Ready, `ControllersReady`: fewer answer than there should be.
        ControllersStarting,
        /// Ready, `ControllersReady`: none answers.
        ControllersUnavailable,
        /// `TunnelsReady`: all tunnels answer.
        TunnelsServing,
        /// `TunnelsReady`: fewer answer than there should be.
        TunnelsStarting,
        /// `TunnelsReady`: none answers.
        TunnelsUnavailable,
        /// `TunnelsReady`: they are not reached from outside the cluster, so nobody is told of them.
        TunnelsUnreachable,
        /// `TunnelsReady`: the zone is to have none.
        NoTunnels,
        /// `RoutersAccepting`: there is room for meetings.
        RoutersAccepting,
        /// `RoutersAccepting`: no pool names this zone.
        NoPool,
        /// `RoutersAccepting`: there are pools, and none of their routers takes meetings.
        NoRouterAccepting,
    }

    /// What an `MMRPool` says of itself.
    PoolCondition {
        /// At least `minRouters` routers (or `replicas`, where set) take meetings.
        Ready,
        /// The zone that the pool names is there.
        ZoneFound,
        /// There are enough nodes for the routers that the pool wants.
        NodesAvailable,
        /// The size of the pool follows the load.
        ScalingActive,
        /// Every router is as the spec has it now, and takes people.
        RolloutComplete,
    }

    /// Why a condition of an `MMRPool` is as it is.
    PoolReason {
        /// Ready: the routers wanted take meetings.
        Accepting,
        /// Ready: the routers wanted are there, and some have so much to do that they take
        /// nobody more for now.
        Overloaded,
        /// Ready: routers are being started.
        RoutersStarting,
        /// Ready: the pool is deleted, its routers drain first.
        Deleting,
        /// Any: the annotation plenum.dev/paused is set, nothing is changed.
        Paused,
        /// Any: the spec asks for what the schema cannot refuse; the message says what to write.
        InvalidSpec,
        /// Any: the API server refused a child; the message is its own.
        ApplyRefused,
        /// `ZoneFound`: it is there.
        ZoneFound,
        /// Ready, `ZoneFound`: there is no zone of this name in the pool's namespace.
        ZoneNotFound,
        /// Ready, `ZoneFound`: the zone is being deleted.
        ZoneDeleting,
        /// Ready, `ZoneFound`: the zone's certificates are not there yet.
        ZoneNotReady,
        /// `NodesAvailable`: there are enough.
        EnoughNodes,
        /// Ready, `NodesAvailable`: no node carries the labels of `nodeSelector`.
        NoMatchingNodes,
        /// Ready, `NodesAvailable`: fewer nodes match than routers are wanted.
        NotEnoughNodes,
        /// Ready, `NodesAvailable`: another pool selects some of the same nodes; the older keeps them.
        NodesShared,
        /// Ready, `NodesAvailable`: it is not known at which address clients reach the routers of
        /// some nodes that carry one or are missed; the message says which, and what to type.
        AddressUnknown,
        /// `NodesAvailable`: there are no pods that ask a node autoscaler for nodes; the message says
        /// what refuses them.
        PlaceholdersRefused,
        /// `ScalingActive`: the size follows the load.
        FollowingLoad,
        /// `ScalingActive`: `replicas` holds the pool at its size.
        Held,
        /// `ScalingActive`: the load asks for more than `maxRouters`.
        AtMaximum,
        /// `ScalingActive`: no zone controller has reported yet; the size is held.
        ReportsMissing,
        /// `ScalingActive`: the last reports are too old; the size is held.
        ReportsStale,
        /// `ScalingActive`: some routers are missing from the reports; the pool does not shrink.
        ReportsPartial,
        /// Ready, `ScalingActive`: nodes died with new routers before anybody heard of these; no
        /// further router comes. The message says which, and what to do.
        NodesLost,
        /// `ScalingActive`: the size follows the load, without routers of which zone controllers
        /// have not heard for long; the message says which, and what to do. Ready: as many as may
        /// have come in their place.
        RoutersSilent,
        /// `RolloutComplete`: every router is as the spec has it.
        UpToDate,
        /// `RolloutComplete`: routers are replaced, at most maxDraining at once.
        Rolling,
        /// `RolloutComplete`: the annotation plenum.dev/rollout-paused is set; no further router is
        /// replaced.
        RolloutPaused,
        /// `RolloutComplete`: a new router does not take people; no further router is replaced.
        RolloutHalted,
    }

    /// Why a router drains, the value of the node annotation `plenum.dev/draining-reason`.
    DrainReason {
        /// The load asks for fewer routers.
        ScaleDown,
        /// The node is cordoned or tainted: somebody wants it empty.
        NodeCordoned,
        /// The router's pod is older than its template.
        Rollout,
        /// Somebody asked for it, by the annotation plenum.dev/drain-requested of the node.
        Requested,
        /// The node no longer matches the pool's `nodeSelector`.
        NodeNotSelected,
        /// The pool is being deleted.
        PoolDeleted,
        /// The zone is being deleted.
        ZoneDeleted,
    }
}
