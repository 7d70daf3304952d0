//! What replicas pull, and the one thing that they say: which keys they sign with.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use plenum_wire::directory::Denial;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Directory;
use super::auth::Replica;
use super::extract::{Body, InQuery};
use super::problem::{Answer, Problem};
use crate::model::{ChangePage, Mark, PublicKey, Revision};

/// Changes of one answer where nobody says otherwise, and at most.
const USUAL: u32 = 500;
const MOST: u32 = 1_000;
/// All changes of one answer in bytes of JSON, unless the first alone is longer: a meeting
/// with 1,000 hosts and 1,000 invited has 75 kB.
const ANSWER_BYTES: usize = 256 * 1_024;

/// Which changes.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct After {
    /// The number of the last change that is known; from the beginning if left out.
    after: Option<u64>,
    /// The `mark` of the last answer. A directory that does not know it, because it was set
    /// back to a backup, answers from the beginning.
    #[param(value_type = Option<String>)]
    mark: Option<Mark>,
    /// Changes at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Read what has changed, for replicas.
///
/// It holds what opens meetings, hashed, and the key of the hashes: give its token to nobody
/// else. It holds no passwords, nor private keys.
#[utoipa::path(
    operation_id = "read_changes",
    get, path = "/v1/replica/changes", tag = "replicas", params(After),
    responses((status = 200, body = Object)),
    security(("bearer" = []))
)]
pub async fn changes(
    State(directory): State<Directory>,
    _: Replica,
    InQuery(After { after, mark, limit }): InQuery<After>,
) -> Answer<Json<ChangePage>> {
    if directory.config().read_only {
        return Err(
            Problem::from(Denial::ReadOnly).saying("replicas pull from the directory itself")
        );
    }
    let limit = limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::bad_request(format!(
            "\"limit\" is between 1 and {MOST}"
        )));
    }
    if after.is_some_and(|after| i64::try_from(after).is_err()) {
        return Err(Problem::bad_request("no change has such a number"));
    }
    let store = directory.store();
    let known = match mark {
        Some(mark) => store.remembers(mark).await?,
        None => true,
    };
    let after = Revision(after.filter(|_| known).unwrap_or(0));
    let page = store.changes(after, limit).await?;
    Ok(Json(page.cut(ANSWER_BYTES)))
}

/// The public keys of a replica.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ReplicaKeys {
    /// At most four: `kid`, and `x` as in RFC 8037.
    #[schema(value_type = Vec<Object>, max_items = 4)]
    pub keys: Vec<PublicKey>,
}

/// Publish the keys of a replica, in place of those it had.
///
/// They become part of `/.well-known/jwks.json`, so that every zone takes the replica's tokens.
/// They go with the replica's account.
#[utoipa::path(
    operation_id = "publish_replica_keys",
    put, path = "/v1/replica/keys", tag = "replicas",
    request_body = ReplicaKeys,
    responses((status = 204, description = "They are published")),
    security(("bearer" = []))
)]
pub async fn publish(
    State(directory): State<Directory>,
    Replica(account): Replica,
    Body(ReplicaKeys { keys }): Body<ReplicaKeys>,
) -> Answer<StatusCode> {
    directory.writable()?;
    if keys.len() > PublicKey::EACH {
        return Err(Problem::bad_request(format!(
            "a replica has at most {} keys",
            PublicKey::EACH
        )));
    }
    if directory.store().publish_keys(account, &keys).await? {
        tracing::info!(%account, keys = keys.len(), "a replica's keys are published");
        directory.look_again();
    }
    Ok(StatusCode::NO_CONTENT)
}
