//! The routers' `DaemonSet`: kept as the pool says, or why it cannot be.

use k8s_openapi::api::apps::v1::DaemonSet;
use kube::Resource as _;
use plenum_crds::MMRPool;
use plenum_crds::conditions::{PoolCondition, PoolReason};

use super::build;
use super::fetch::Snapshot;
use super::validate::ValidPool;
use crate::apply::WriteError;
use crate::conditions::Verdict;
use crate::context::Context;

/// What came of it.
pub(super) struct Built {
    /// The hash of the template that routers are made from now; `None`: nothing would start any.
    pub template: Option<String>,
    /// What is wrong with the pool, if they cannot be made as it says.
    pub refused: Option<Verdict>,
}

/// Applies it. That of a pool which is paused or on its way out, or whose zone is, stays as it is.
pub(super) async fn keep(
    context: &Context,
    object: &MMRPool,
    pool: &ValidPool,
    snapshot: &Snapshot,
) -> Result<Built, WriteError> {
    let current = snapshot.daemonset.as_deref();
    let as_it_is = |refused| Built {
        template: current.and_then(hash_of),
        refused,
    };
    let zone = snapshot.zone.as_ref();
    let stays = object.metadata.deletion_timestamp.is_none()
        && zone.is_some_and(|zone| zone.metadata.deletion_timestamp.is_none());
    let owner = object.controller_owner_ref(&());
    let Some(owner) = owner.filter(|_| stays && !pool.paused) else {
        return Ok(as_it_is(None));
    };
    let desired = build::daemonset(pool, owner, &context.image);
    match context.writer.apply(&desired, current).await {
        Ok(_) => Ok(Built {
            template: hash_of(&desired),
            refused: None,
        }),
        // What the API server refuses stays refused: say so instead of failing for ever.
        Err(WriteError::Api {
            what,
            source: kube::Error::Api(answer),
        }) if matches!(answer.code, 400 | 403 | 422) => {
            let verdict = Verdict::new(
                PoolCondition::Ready.as_str(),
                false,
                PoolReason::ApplyRefused.as_str(),
                format!("{what}: {}", answer.message),
            );
            Ok(as_it_is(Some(verdict)))
        }
        Err(error) => Err(error),
    }
}

fn hash_of(set: &DaemonSet) -> Option<String> {
    let metadata = set.spec.as_ref()?.template.metadata.as_ref()?;
    build::template_hash(metadata.annotations.as_ref()).map(str::to_owned)
}
