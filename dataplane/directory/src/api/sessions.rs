//! Signing in and out.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use jiff::{SignedDuration, Timestamp};
use plenum_wire::directory::Denial;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::{self, SignedIn};
use super::extract::{Body, InPath, InQuery};
use super::paging::{Items, PageQuery};
use super::problem::{Answer, Problem};
use super::request::ClientAddress;
use super::users::User;
use super::{Directory, logins, password_guesses};
use crate::model::{
    Account, AccountName, Login, LoginId, LoginKind, NewLogin, Password, PasswordHash, Showed,
};
use crate::{random, store};

/// How long a session lasts.
const LASTS: SignedDuration = SignedDuration::from_hours(24);

/// Who wants to sign in.
#[derive(Deserialize, ToSchema)]
pub struct SignIn {
    /// The account's name.
    #[schema(max_length = 64)]
    name: String,
    /// Its password.
    #[schema(value_type = String, format = Password, max_length = 256)]
    password: Password,
}

/// A session that has begun.
#[derive(Serialize, ToSchema)]
pub struct Begun {
    /// To be sent as `Authorization: Bearer`. Shown this once.
    token: String,
    /// The session.
    session: Session,
    /// Whose it is.
    account: User,
}

/// A session.
#[derive(Serialize, ToSchema)]
pub struct Session {
    /// Its name; knowing it opens nothing.
    #[schema(value_type = String)]
    id: LoginId,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// When it ends.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires: Option<Timestamp>,
    /// When it was used, to a few minutes.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used: Option<Timestamp>,
    /// Whether it is the one that asks.
    current: bool,
}

impl Session {
    fn of(login: &Login, asking: LoginId) -> Self {
        Self {
            current: login.id == asking,
            id: login.id,
            created: login.created,
            expires: login.expires,
            last_used: login.last_used,
        }
    }
}

/// Sign in.
#[utoipa::path(
    post, path = "/v1/sessions", tag = "signing in",
    request_body = SignIn,
    responses((status = 201, body = Begun)),
    security(())
)]
pub async fn sign_in(
    State(directory): State<Directory>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    Body(SignIn { name, password }): Body<SignIn>,
) -> Answer<(StatusCode, Json<Begun>)> {
    directory.writable()?;
    // What cannot be the name of an account is tried like the name of one that is not there.
    let name: Option<AccountName> = name.parse().ok();
    let found = password_guesses::account(&directory, address, name.as_ref(), password).await?;
    let (account, hash) = found.ok_or_else(wrong)?;
    begin(&directory, account, hash).await
}

fn wrong() -> Problem {
    Problem::from(Denial::SignInRequired).saying("the name or password is wrong")
}

async fn begin(
    directory: &Directory,
    account: Account,
    password: PasswordHash,
) -> Answer<(StatusCode, Json<Begun>)> {
    let (secret, now) = (random::secret(), directory.time());
    let login = NewLogin {
        account: account.id,
        showed: Showed::Password(password),
        kind: LoginKind::Session,
        label: String::new(),
        secret: secret.hash(),
        expires: Some(now + LASTS),
    };
    let login = match directory.store().add_login(login, now).await {
        // It was changed while this one waited for its turn.
        Err(store::Error::NotFound { .. }) => return Err(wrong()),
        added => added?,
    };
    let id = login.id;
    let begun = Begun {
        token: auth::shown(auth::SESSION, &secret),
        session: Session::of(&login, id),
        account: User::of(account),
    };
    Ok((StatusCode::CREATED, Json(begun)))
}

/// List the sessions of the account.
#[utoipa::path(
    operation_id = "list_sessions",
    get, path = "/v1/sessions", tag = "signing in", params(PageQuery),
    responses((status = 200, body = Items<Session>)),
    security(("bearer" = []))
)]
pub async fn list(
    State(directory): State<Directory>,
    caller: SignedIn,
    InQuery(page): InQuery<PageQuery>,
) -> Answer<Json<Items<Session>>> {
    let show = |login| Session::of(&login, caller.login.id);
    logins::list(&directory, &caller, LoginKind::Session, &page, show).await
}

/// Sign out.
#[utoipa::path(
    delete, path = "/v1/sessions/current", tag = "signing in",
    responses((status = 204)),
    security(("bearer" = []))
)]
pub async fn sign_out(State(directory): State<Directory>, caller: SignedIn) -> Answer<StatusCode> {
    let Login { kind, id, .. } = caller.login;
    logins::end(&directory, &caller, kind, id).await
}

/// End another session of the account.
#[utoipa::path(
    operation_id = "end_session",
    delete, path = "/v1/sessions/{id}", tag = "signing in",
    params(("id" = String, Path, description = "The session's id")),
    responses((status = 204)),
    security(("bearer" = []))
)]
pub async fn end(
    State(directory): State<Directory>,
    caller: SignedIn,
    InPath(id): InPath<LoginId>,
) -> Answer<StatusCode> {
    logins::end(&directory, &caller, LoginKind::Session, id).await
}
