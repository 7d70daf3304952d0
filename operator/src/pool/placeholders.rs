//! Pods that keep room on nodes for routers that are wanted soon.
//!
//! A `DaemonSet` pod makes no node autoscaler add a node. These pods do: they ask for as much as
//! a router, fit on nodes of the pool without a router only, and one on each. Where such a node
//! is missing they wait, and the autoscaler brings it; where it is there they hold it. They have
//! the lowest priority: when the node becomes a router's, they go, whatever room there is.
//!
//! A pool for which nobody brings nodes has none.
//!
//! | file | idea | touches the API |
//! |---|---|---|
//! | `build` | their Deployment | no |
//! | `decide` | what is seen of them, what is to be done | no, pure |
//! | here | does it | reads and writes |

mod build;
mod decide;

use k8s_openapi::api::apps::v1::Deployment;
use kube::Resource as _;
use kube::api::Api;
use plenum_crds::MMRPool;
use tokio::time::Instant;

use super::validate::ValidPool;
use crate::apply::WriteError;
use crate::context::Context;
use decide::{Step, is_ours, step};

pub use build::{deployment, name};
pub(super) use decide::{FAILURE, Known, there, trouble};

/// Why they could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The write failed.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The Deployment could not be read.
    #[error("cannot read the placeholders: {0}")]
    Read(#[from] kube::Error),
}

/// Makes them so many; what is known of them then. `current` is the Deployment as cached, `known`
/// what the last call returned.
pub(super) async fn keep(
    context: &Context,
    object: &MMRPool,
    pool: &ValidPool,
    (count, current): (u32, Option<&Deployment>),
    known: &Known,
) -> Result<Known, Error> {
    // Tests move this clock.
    let now = Instant::now().into_std();
    match step(pool, current, known, now) {
        Step::Nothing => Ok(Known::Nothing),
        Step::LeaveAlone => Ok(known.clone()),
        Step::Ask if is_foreign(context, pool).await? => Ok(Known::Foreign(now)),
        Step::Ask | Step::Write => write(context, object, pool, (count, current)).await,
    }
}

/// Whether somebody else's Deployment is in the place of ours.
async fn is_foreign(context: &Context, pool: &ValidPool) -> Result<bool, kube::Error> {
    let api: Api<Deployment> = Api::namespaced(context.client.clone(), &pool.namespace);
    let found = api.get_opt(&name(&pool.name)).await?;
    Ok(found.is_some_and(|found| !is_ours(&found, pool)))
}

async fn write(
    context: &Context,
    object: &MMRPool,
    pool: &ValidPool,
    (count, current): (u32, Option<&Deployment>),
) -> Result<Known, Error> {
    let Some(owner) = object.controller_owner_ref(&()) else {
        return Ok(Known::Nothing);
    };
    let desired = deployment(pool, owner, &context.image, count);
    match context.writer.apply(&desired, current).await {
        Ok(_) => Ok(Known::Nothing),
        // What the API server refuses stays refused: say so instead of failing for ever.
        Err(WriteError::Api {
            source: kube::Error::Api(answer),
            ..
        }) if matches!(answer.code, 400 | 403 | 422) => Ok(Known::Refused(answer.message.clone())),
        Err(error) => Err(error.into()),
    }
}
