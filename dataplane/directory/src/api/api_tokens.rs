//! Tokens for programs that act for an account.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::{self, SignedIn};
use super::extract::{Body, InPath, InQuery};
use super::paging::{Items, PageQuery};
use super::problem::{Answer, Problem};
use super::{Directory, logins};
use crate::model::{Login, LoginId, LoginKind, NewLogin, Showed};
use crate::{random, store};

/// Longest life of a token that has an end, in days.
const DAYS: u16 = 3_650;

/// An API token to be made.
#[derive(Deserialize, ToSchema)]
pub struct NewApiToken {
    /// What it is for.
    #[schema(max_length = 128)]
    label: String,
    /// After so many days it opens nothing; never ends if left out.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 3650)]
    days: Option<u16>,
}

/// An API token that was made.
#[derive(Serialize, ToSchema)]
pub struct MadeApiToken {
    /// To be sent as `Authorization: Bearer`. Shown this once.
    token: String,
    /// What is kept of it.
    #[serde(flatten)]
    kept: ApiToken,
}

/// What is kept of an API token.
#[derive(Serialize, ToSchema)]
pub struct ApiToken {
    /// Its name; knowing it opens nothing.
    #[schema(value_type = String)]
    id: LoginId,
    /// What it is for.
    label: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// From when it opens nothing.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires: Option<Timestamp>,
    /// When it was used, to a few minutes.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used: Option<Timestamp>,
}

impl From<Login> for ApiToken {
    fn from(login: Login) -> Self {
        Self {
            id: login.id,
            label: login.label,
            created: login.created,
            expires: login.expires,
            last_used: login.last_used,
        }
    }
}

/// Make an API token.
#[utoipa::path(
    operation_id = "create_api_token",
    post, path = "/v1/api-tokens", tag = "signing in",
    request_body = NewApiToken,
    responses((status = 201, body = MadeApiToken)),
    security(("bearer" = []))
)]
pub async fn create(
    State(directory): State<Directory>,
    caller: SignedIn,
    Body(NewApiToken { label, days }): Body<NewApiToken>,
) -> Answer<(StatusCode, Json<MadeApiToken>)> {
    directory.writable()?;
    if label.len() > NewLogin::LABEL_BYTES {
        let most = NewLogin::LABEL_BYTES;
        return Err(Problem::bad_request(format!(
            "\"label\" has at most {most} bytes"
        )));
    }
    if days.is_some_and(|days| !(1..=DAYS).contains(&days)) {
        return Err(Problem::bad_request(format!(
            "\"days\" is between 1 and {DAYS}"
        )));
    }
    let (secret, now) = (random::secret(), directory.time());
    let login = NewLogin {
        account: caller.account.id,
        showed: Showed::Login(caller.login.id),
        kind: LoginKind::ApiToken,
        label,
        secret: secret.hash(),
        expires: days.map(|days| now + SignedDuration::from_hours(24 * i64::from(days))),
    };
    let login = match directory.store().add_login(login, now).await {
        // What it was asked for with was taken away meanwhile.
        Err(store::Error::NotFound { .. }) => return Err(auth::ended()),
        added => added?,
    };
    let made = MadeApiToken {
        token: auth::shown(auth::API_TOKEN, &secret),
        kept: login.into(),
    };
    Ok((StatusCode::CREATED, Json(made)))
}

/// List the API tokens of the account.
#[utoipa::path(
    operation_id = "list_api_tokens",
    get, path = "/v1/api-tokens", tag = "signing in", params(PageQuery),
    responses((status = 200, body = Items<ApiToken>)),
    security(("bearer" = []))
)]
pub async fn list(
    State(directory): State<Directory>,
    caller: SignedIn,
    InQuery(page): InQuery<PageQuery>,
) -> Answer<Json<Items<ApiToken>>> {
    let show = ApiToken::from;
    logins::list(&directory, &caller, LoginKind::ApiToken, &page, show).await
}

/// Revoke an API token.
#[utoipa::path(
    operation_id = "revoke_api_token",
    delete, path = "/v1/api-tokens/{id}", tag = "signing in",
    params(("id" = String, Path, description = "The token's id")),
    responses((status = 204)),
    security(("bearer" = []))
)]
pub async fn revoke(
    State(directory): State<Directory>,
    caller: SignedIn,
    InPath(id): InPath<LoginId>,
) -> Answer<StatusCode> {
    logins::end(&directory, &caller, LoginKind::ApiToken, id).await
}
