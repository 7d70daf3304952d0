//! Pools: how many routers, on which nodes, and which are emptied.
//!
//! | file | step | touches the API |
//! |---|---|---|
//! | [`caches`], [`fetch`], [`outline`], `observe`, `trouble` | objects -> [`observed`] | reads |
//! | [`validate`] | resource -> valid pool, or what to write instead | no |
//! | [`forecast`] | how much room those need who are about to come | no, pure |
//! | [`build`] | the routers' `DaemonSet` | no |
//! | `address` | how clients come to know where a router is | no |
//! | [`plan`](mod@plan) | what shall be done: labels, drains, conditions | no, pure |
//! | `routers` | keeps that `DaemonSet` | writes |
//! | [`apply`] | does it, in the safe order | writes |
//! | [`placeholders`] | pods that bring nodes and hold them for routers | reads and writes |
//! | [`status`] | status, only when it differs | no |
//! | `telling` | Events of rollouts | writes |
//! | [`reconcile`] | one look: all of the above in order | through them |
//! | `remembered` | what is kept between two looks | no |
//! | [`turns`] | when a status is written in which only the number of people changed | no |
//! | `said` | what is kept on routers' pods, for the next leader too | no |
//! | `triggers`, `index`, `selection` | which event concerns which pool | watches |
//! | `prune` | what caches keep of our children | no |

mod address;
pub mod apply;
pub mod build;
pub mod caches;
pub mod fetch;
pub mod forecast;
mod index;
mod observe;
pub mod observed;
pub mod outline;
pub mod placeholders;
pub mod plan;
mod prune;
pub mod reconcile;
mod remembered;
mod routers;
mod said;
mod selection;
pub mod status;
mod telling;
mod triggers;
mod trouble;
pub mod turns;
pub mod validate;

use std::convert::Infallible;
use std::sync::Arc;

use futures_util::StreamExt as _;
use kube::ResourceExt as _;
use kube::runtime::controller::{Config, Error, applier};
use kube::runtime::reflector::Store;
use plenum_crds::{MMRPool, labels};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::metrics::PoolReport;
use crate::reports::{Reports, ZoneKey};
use reconcile::Pools;
use triggers::Triggers;
use validate::ValidPool;

/// Pools looked at in parallel.
const CONCURRENCY: u16 = 16;

/// Runs the controller until `stop`, then ends what it has begun; drop it if that takes too
/// long.
pub async fn run(context: Context, stop: CancellationToken) {
    let (triggers, due) = Triggers::new(context.metrics.clone());
    let caches = triggers.watch_all(&context.client, &stop);
    let reports = Reports::new(context.client.clone(), stop.clone(), {
        let triggers = triggers.clone();
        move |pool| triggers.by_wire_name(pool)
    });
    if !triggers::synced(&caches, &stop).await {
        return;
    }
    let _term = context.metrics.term(ages(&caches.pools, &reports));
    let store = caches.pools.clone();
    let pools = Arc::new(Pools::new(context, caches, reports));
    let known = pools.clone();
    let queue = due.map(|pool| Ok::<_, Infallible>(pool.object_ref()));
    applier(
        |object, pools: Arc<Pools>| Box::pin(async move { pools.reconcile(object).await }),
        |object, error, pools| pools.after(&object, error),
        pools,
        store,
        queue.take_until(stop.cancelled_owned()),
        Config::default().concurrency(CONCURRENCY),
    )
    .for_each(|result| {
        if let Err(Error::ObjectNotFound(pool)) = result {
            known.went(&pool.namespace.unwrap_or_default(), &pool.name);
        }
        std::future::ready(())
    })
    .await;
}

/// How old the reports of each pool are, when asked.
fn ages(
    pools: &Store<MMRPool>,
    reports: &Reports,
) -> impl Fn() -> Vec<PoolReport> + Send + Sync + use<> {
    let (pools, reports) = (pools.clone(), reports.clone());
    move || {
        let ours = |pool: &MMRPool| pool.finalizers().iter().any(|f| f == labels::FINALIZER);
        let valid = |pool: &Arc<MMRPool>| validate::validate(pool).ok();
        let pools = pools.state_filter(ours);
        let report = |pool: ValidPool| {
            let zone = ZoneKey {
                namespace: pool.namespace.clone(),
                name: pool.spec.zone,
            };
            PoolReport {
                age: reports.view(&zone, &pool.wire).age,
                namespace: pool.namespace,
                pool: pool.name,
            }
        };
        pools.iter().filter_map(valid).map(report).collect()
    }
}
