//! The feed that replicas pull.

use axum::Json;
use axum::extract::State;
use plenum_wire::directory::Denial;
use serde::Deserialize;
use utoipa::IntoParams;

use super::Directory;
use super::auth::Replica;
use super::extract::InQuery;
use super::problem::{Answer, Problem};
use crate::model::{ChangePage, Revision};

/// Changes of one answer where nobody says otherwise, and at most.
const USUAL: u32 = 500;
const MOST: u32 = 1_000;

/// Which changes.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct After {
    /// The number of the last change that is known; from the beginning if left out.
    after: Option<u64>,
    /// Changes at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Read what has changed, for replicas.
///
/// It holds the private signing keys: give its token to nobody else.
#[utoipa::path(
    get, path = "/v1/replica/changes", tag = "replicas", params(After),
    responses((status = 200, body = Object)),
    security(("bearer" = []))
)]
pub async fn changes(
    State(directory): State<Directory>,
    _: Replica,
    InQuery(After { after, limit }): InQuery<After>,
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
    let after = Revision(after.unwrap_or(0));
    Ok(Json(directory.store().changes(after, limit).await?))
}
