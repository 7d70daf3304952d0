//! Accounts, for administrators.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use plenum_wire::DisplayName;
use plenum_wire::directory::Denial;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Directory;
use super::auth::{Admin, SignedIn};
use super::etag::{IfMatch, Versioned};
use super::extract::{Body, Change, InPath, InQuery};
use super::paging::{Items, PageQuery};
use super::problem::{Answer, Problem};
use crate::model::{Account, AccountId, AccountName, AccountRole, Email, NewAccount, Password};

/// An account.
#[derive(Serialize, ToSchema)]
pub struct User {
    /// Which, for ever.
    #[schema(value_type = String)]
    id: AccountId,
    /// Signs in with it.
    #[schema(value_type = String)]
    name: AccountName,
    /// Shown to others.
    display_name: DisplayName,
    /// Where to write to.
    #[schema(value_type = Option<String>)]
    email: Option<Email>,
    /// What it may do to others.
    role: RoleName,
    /// Signs in nowhere.
    disabled: bool,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
}

/// What an account may do to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoleName {
    /// Has meetings of its own.
    User,
    /// Makes accounts and zones.
    Admin,
    /// Reads the feed for replicas, and does nothing else.
    Replica,
}

impl From<AccountRole> for RoleName {
    fn from(role: AccountRole) -> Self {
        match role {
            AccountRole::User => Self::User,
            AccountRole::Admin => Self::Admin,
            AccountRole::Replica => Self::Replica,
        }
    }
}

impl From<RoleName> for AccountRole {
    fn from(role: RoleName) -> Self {
        match role {
            RoleName::User => Self::User,
            RoleName::Admin => Self::Admin,
            RoleName::Replica => Self::Replica,
        }
    }
}

impl User {
    pub fn of(account: Account) -> Self {
        Self {
            id: account.id,
            name: account.name,
            display_name: account.display_name,
            email: account.email,
            role: account.role.into(),
            disabled: account.disabled,
            created: account.created,
        }
    }

    pub fn versioned(account: Account) -> Versioned<Self> {
        Versioned(account.revision, Self::of(account))
    }
}

/// An account to be made.
#[derive(Deserialize, ToSchema)]
pub struct NewUser {
    /// Signs in with it: a lower-case letter, then lower-case letters, digits, `-`, `_`, `.`.
    #[schema(value_type = String, pattern = "^[a-z][a-z0-9._-]{0,63}$")]
    name: AccountName,
    /// Shown to others; the name if left out.
    #[serde(default)]
    display_name: Option<DisplayName>,
    /// Where to write to.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 254, pattern = r"^\S+@\S+$")]
    email: Option<Email>,
    /// What it may do to others; `user` if left out.
    #[serde(default)]
    role: Option<RoleName>,
    /// Without one nobody signs in with a password.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password, min_length = 8, max_length = 256)]
    password: Option<Password>,
}

/// What to change of an account; what is left out stays.
#[derive(Deserialize, ToSchema)]
pub struct UserChange {
    /// Signs in with it.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[a-z][a-z0-9._-]{0,63}$")]
    name: Option<AccountName>,
    /// Shown to others.
    #[serde(default)]
    display_name: Option<DisplayName>,
    /// Where to write to; `null` takes it away.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 254, pattern = r"^\S+@\S+$")]
    email: Change<Email>,
    /// What it may do to others.
    #[serde(default)]
    role: Option<RoleName>,
    /// Signs in nowhere. Its sessions and API tokens end, and are not back when it is enabled
    /// again; a replica's token is.
    #[serde(default)]
    disabled: Option<bool>,
}

/// A password to be set.
#[derive(Deserialize, ToSchema)]
pub struct NewPassword {
    /// At least eight characters.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 256)]
    pub password: Password,
}

/// List accounts.
#[utoipa::path(
    operation_id = "list_users",
    get, path = "/v1/users", tag = "accounts", params(PageQuery),
    responses((status = 200, body = Items<User>)),
    security(("bearer" = []))
)]
pub async fn list(
    State(directory): State<Directory>,
    _: Admin,
    InQuery(page): InQuery<PageQuery>,
) -> Answer<Json<Items<User>>> {
    let listed = directory.store().accounts(&page.page()?).await?;
    Ok(Json(Items::of(listed, User::of)))
}

/// Make an account.
#[utoipa::path(
    operation_id = "create_user",
    post, path = "/v1/users", tag = "accounts",
    request_body = NewUser,
    responses((status = 201, body = User, headers(("ETag" = String)))),
    security(("bearer" = []))
)]
pub async fn create(
    State(directory): State<Directory>,
    _: Admin,
    Body(new): Body<NewUser>,
) -> Answer<(StatusCode, Versioned<User>)> {
    directory.writable()?;
    let password = match new.password {
        Some(password) => Some(directory.passwords().hash(password).await?),
        None => None,
    };
    let called = DisplayName::try_from(new.name.to_string());
    let account = NewAccount {
        display_name: match new.display_name {
            Some(name) => name,
            None => called.map_err(|error| Problem::bad_request(error.to_string()))?,
        },
        name: new.name,
        email: new.email,
        role: new.role.map_or(AccountRole::User, AccountRole::from),
        password,
    };
    let now = directory.time();
    let account = directory.store().add_account(account, now).await?;
    Ok((StatusCode::CREATED, User::versioned(account)))
}

/// Read an account: administrators any, everybody their own.
#[utoipa::path(
    operation_id = "read_user",
    get, path = "/v1/users/{id}", tag = "accounts",
    params(("id" = String, Path, description = "The account's id")),
    responses((status = 200, body = User, headers(("ETag" = String)))),
    security(("bearer" = []))
)]
pub async fn read(
    State(directory): State<Directory>,
    caller: SignedIn,
    InPath(id): InPath<AccountId>,
) -> Answer<Versioned<User>> {
    if !caller.is_admin() && caller.account.id != id {
        return Err(Denial::Forbidden.into());
    }
    Ok(User::versioned(directory.store().account(id).await?))
}

/// Change an account.
#[utoipa::path(
    operation_id = "change_user",
    patch, path = "/v1/users/{id}", tag = "accounts",
    params(
        ("id" = String, Path, description = "The account's id"),
        ("If-Match" = Option<String>, Header, description = "The ETag of what is changed"),
    ),
    request_body = UserChange,
    responses((status = 200, body = User, headers(("ETag" = String)))),
    security(("bearer" = []))
)]
pub async fn change(
    State(directory): State<Directory>,
    Admin(caller): Admin,
    InPath(id): InPath<AccountId>,
    if_match: IfMatch,
    Body(change): Body<UserChange>,
) -> Answer<Versioned<User>> {
    directory.writable()?;
    let stops = change.disabled == Some(true);
    let steps_down = change.role.is_some_and(|role| role != RoleName::Admin);
    if stops || steps_down {
        not_oneself(caller, id)?;
    }
    let mut account = directory.store().account(id).await?;
    if_match.check(account.revision)?;
    if let Some(name) = change.name {
        account.name = name;
    }
    if let Some(name) = change.display_name {
        account.display_name = name;
    }
    account.email = change.email.after(account.email);
    if let Some(role) = change.role {
        account.role = role.into();
    }
    if let Some(disabled) = change.disabled {
        account.disabled = disabled;
    }
    let changed = directory.store().change_account(&account).await;
    let account = changed.map_err(|error| if_match.late(error))?;
    // A replica's keys may have gone with it.
    directory.look_again();
    Ok(User::versioned(account))
}

/// Set the password of an account. All its sessions end; its API tokens do not.
#[utoipa::path(
    operation_id = "set_user_password",
    put, path = "/v1/users/{id}/password", tag = "accounts",
    params(("id" = String, Path, description = "The account's id")),
    request_body = NewPassword,
    responses((status = 204)),
    security(("bearer" = []))
)]
pub async fn set_password(
    State(directory): State<Directory>,
    _: Admin,
    InPath(id): InPath<AccountId>,
    Body(NewPassword { password }): Body<NewPassword>,
) -> Answer<StatusCode> {
    directory.writable()?;
    let hash = directory.passwords().hash(password).await?;
    directory.store().set_password(id, None, &hash).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Delete an account with its meetings, sessions and tokens.
#[utoipa::path(
    operation_id = "remove_user",
    delete, path = "/v1/users/{id}", tag = "accounts",
    params(
        ("id" = String, Path, description = "The account's id"),
        ("If-Match" = Option<String>, Header, description = "The ETag of what is deleted"),
    ),
    responses((status = 204)),
    security(("bearer" = []))
)]
pub async fn remove(
    State(directory): State<Directory>,
    Admin(caller): Admin,
    InPath(id): InPath<AccountId>,
    if_match: IfMatch,
) -> Answer<StatusCode> {
    directory.writable()?;
    not_oneself(caller, id)?;
    let account = directory.store().account(id).await?;
    let still = if_match.still(account.revision)?;
    let removed = directory.store().delete_account(id, still).await;
    removed.map_err(|error| if_match.late(error))?;
    // A replica's keys have gone with it.
    directory.look_again();
    Ok(StatusCode::NO_CONTENT)
}

/// Nobody locks themselves out by mistake. That somebody is left is the store's to say.
fn not_oneself(caller: AccountId, id: AccountId) -> Answer<()> {
    if caller == id {
        return Err(Problem::from(Denial::Conflict)
            .saying("nobody takes their own rights away: ask another administrator"));
    }
    Ok(())
}
