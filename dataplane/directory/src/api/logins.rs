//! Listing and ending what somebody is signed in with: sessions and API tokens alike.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::Directory;
use super::auth::{Admin, SignedIn};
use super::extract::InPath;
use super::paging::{Items, PageQuery};
use super::problem::Answer;
use crate::model::{AccountId, Login, LoginId, LoginKind};

/// Those of one kind that the caller's account has.
pub async fn list<T>(
    directory: &Directory,
    caller: &SignedIn,
    kind: LoginKind,
    page: &PageQuery,
    show: impl Fn(Login) -> T,
) -> Answer<Json<Items<T>>> {
    let (account, page) = (caller.account.id, page.page()?);
    let listed = directory.store().logins(account, kind, &page).await?;
    Ok(Json(Items::of(listed, show)))
}

/// Ends one of the caller's account.
pub async fn end(
    directory: &Directory,
    caller: &SignedIn,
    kind: LoginKind,
    id: LoginId,
) -> Answer<StatusCode> {
    directory.writable()?;
    let account = caller.account.id;
    directory.store().delete_login(account, kind, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End all sessions and API tokens of an account.
///
/// For when somebody else may have them: a new password ends sessions only.
#[utoipa::path(
    operation_id = "sign_user_out",
    delete, path = "/v1/users/{id}/logins", tag = "accounts",
    params(("id" = String, Path, description = "The account's id")),
    responses((status = 204)),
    security(("bearer" = []))
)]
pub async fn end_all(
    State(directory): State<Directory>,
    _: Admin,
    InPath(id): InPath<AccountId>,
) -> Answer<StatusCode> {
    directory.writable()?;
    directory.store().end_logins(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
