//! The waiting room, for hosts.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use plenum_wire::DisplayName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Directory;
use super::auth::SignedIn;
use super::extract::{Body, InPath};
use super::meetings::of_host;
use super::people::{People, Person};
use super::problem::Answer;
use crate::model::{Waiting, WaitingId, WaitingState};

/// How far somebody is.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// No host has decided.
    Waiting,
    /// A host let them in.
    Admitted,
    /// A host said no.
    Refused,
}

/// What a host decides.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decided {
    /// Let them in.
    Admit,
    /// Say no.
    Refuse,
}

/// Somebody in a waiting room.
#[derive(Debug, Serialize, ToSchema)]
pub struct WaitingView {
    /// Which; the host decides by it.
    #[schema(value_type = String)]
    id: WaitingId,
    /// What they call themselves. Only of those with an `account` it is known to be true.
    name: DisplayName,
    /// Who they are, if they signed in.
    account: Option<Person>,
    /// What the host decided.
    state: Standing,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    asked: Timestamp,
}

impl WaitingView {
    /// These, as a host sees them.
    async fn all(directory: &Directory, waiting: Vec<Waiting>) -> Answer<Vec<Self>> {
        let accounts = waiting.iter().filter_map(|waiting| waiting.account);
        let people = People::of(directory, accounts.collect()).await?;
        let view = |waiting| Self::of(waiting, &people);
        Ok(waiting.into_iter().map(view).collect())
    }

    fn of(waiting: Waiting, people: &People) -> Self {
        Self {
            id: waiting.id,
            name: waiting.name,
            account: waiting.account.and_then(|id| people.one(id)),
            state: match waiting.state {
                WaitingState::Waiting => Standing::Waiting,
                WaitingState::Admitted => Standing::Admitted,
                WaitingState::Refused => Standing::Refused,
            },
            asked: waiting.asked,
        }
    }
}

/// A decision on somebody who waits.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Decision {
    /// What it is.
    decision: Decided,
}

/// Who waits before a meeting.
#[derive(Debug, Serialize, ToSchema)]
pub struct Room {
    /// Who waits, who came first first, and after them who was let in or refused; 1,000 at most.
    items: Vec<WaitingView>,
}

/// List who waits.
#[utoipa::path(
    operation_id = "list_waiting",
    get, path = "/v1/meetings/{id}/waiting", tag = "meetings",
    params(("id" = String, Path, description = "The meeting's number")),
    responses((status = 200, body = Room)),
    security(("bearer" = []))
)]
pub async fn list(
    State(directory): State<Directory>,
    caller: SignedIn,
    InPath(id): InPath<String>,
) -> Answer<Json<Room>> {
    let meeting = of_host(&directory, &caller, &id).await?;
    let room = directory
        .store()
        .waiting_room(meeting.number, directory.time())
        .await?;
    let items = WaitingView::all(&directory, room).await?;
    Ok(Json(Room { items }))
}

/// Let somebody in, or refuse them. They learn of it when they ask again.
///
/// Who was refused is forgotten a minute after they asked last. They may knock again then.
#[utoipa::path(
    operation_id = "decide_waiting",
    put, path = "/v1/meetings/{id}/waiting/{waiting}", tag = "meetings",
    params(
        ("id" = String, Path, description = "The meeting's number"),
        ("waiting" = String, Path, description = "The id of who waits"),
    ),
    request_body = Decision,
    responses((status = 200, body = WaitingView)),
    security(("bearer" = []))
)]
pub async fn decide(
    State(directory): State<Directory>,
    caller: SignedIn,
    InPath((id, waiting)): InPath<(String, WaitingId)>,
    Body(Decision { decision }): Body<Decision>,
) -> Answer<Json<WaitingView>> {
    let meeting = of_host(&directory, &caller, &id).await?;
    let state = match decision {
        Decided::Admit => WaitingState::Admitted,
        Decided::Refuse => WaitingState::Refused,
    };
    let (store, now) = (directory.store(), directory.time());
    let waiting = store
        .decide_waiting(meeting.number, waiting, state, now)
        .await?;
    let people = People::of(&directory, waiting.account.into_iter().collect()).await?;
    Ok(Json(WaitingView::of(waiting, &people)))
}
