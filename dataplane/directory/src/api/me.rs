//! The caller's own account.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use plenum_wire::DisplayName;
use plenum_wire::directory::Denial;
use serde::Deserialize;
use utoipa::ToSchema;

use super::auth::SignedIn;
use super::etag::{IfMatch, Versioned};
use super::extract::{Body, Change};
use super::problem::{Answer, Problem};
use super::request::ClientAddress;
use super::users::User;
use super::{Directory, password_guesses};
use crate::model::{Email, Password};
use crate::store;

/// What everybody may change of their own account; what is left out stays.
#[derive(Deserialize, ToSchema)]
pub struct MyChange {
    /// Shown to others.
    #[serde(default)]
    display_name: Option<DisplayName>,
    /// Where to write to; `null` takes it away.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 254, pattern = r"^\S+@\S+$")]
    email: Change<Email>,
}

/// A password to be changed.
#[derive(Deserialize, ToSchema)]
pub struct PasswordChange {
    /// As it is.
    #[schema(value_type = String, format = Password, max_length = 256)]
    old: Password,
    /// As it is to be: at least eight characters.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 256)]
    new: Password,
}

/// Read my account.
#[utoipa::path(
    operation_id = "read_me",
    get, path = "/v1/me", tag = "accounts",
    responses((status = 200, body = User, headers(("ETag" = String)))),
    security(("bearer" = []))
)]
pub async fn read(caller: SignedIn) -> Versioned<User> {
    User::versioned(caller.account)
}

/// Change my account.
#[utoipa::path(
    operation_id = "change_me",
    patch, path = "/v1/me", tag = "accounts",
    params(("If-Match" = Option<String>, Header, description = "The ETag of what is changed")),
    request_body = MyChange,
    responses((status = 200, body = User, headers(("ETag" = String)))),
    security(("bearer" = []))
)]
pub async fn change(
    State(directory): State<Directory>,
    caller: SignedIn,
    if_match: IfMatch,
    Body(change): Body<MyChange>,
) -> Answer<Versioned<User>> {
    directory.writable()?;
    let mut account = caller.account;
    if_match.check(account.revision)?;
    if let Some(name) = change.display_name {
        account.display_name = name;
    }
    account.email = change.email.after(account.email);
    let changed = directory.store().change_account(&account).await;
    Ok(User::versioned(
        changed.map_err(|error| if_match.late(error))?,
    ))
}

/// Change my password. All sessions of the account end, this one too; its API tokens do not.
#[utoipa::path(
    operation_id = "set_my_password",
    put, path = "/v1/me/password", tag = "accounts",
    request_body = PasswordChange,
    responses((status = 204)),
    security(("bearer" = []))
)]
pub async fn set_password(
    State(directory): State<Directory>,
    caller: SignedIn,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    Body(PasswordChange { old, new }): Body<PasswordChange>,
) -> Answer<StatusCode> {
    directory.writable()?;
    let name = Some(&caller.account.name);
    let found = password_guesses::account(&directory, address, name, old).await?;
    let wrong = || Problem::from(Denial::Forbidden).saying("\"old\" is not the password");
    let (account, old) = found.ok_or_else(wrong)?;
    let new = directory.passwords().hash(new).await?;
    let store = directory.store();
    match store.set_password(account.id, Some(&old), &new).await {
        // Somebody else was faster.
        Err(store::Error::NotFound { .. }) => Err(wrong()),
        set => {
            set?;
            Ok(StatusCode::NO_CONTENT)
        }
    }
}
