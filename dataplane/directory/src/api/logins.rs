//! Listing and ending what somebody is signed in with: sessions and API tokens alike.

use axum::Json;
use axum::http::StatusCode;

use super::Directory;
use super::auth::SignedIn;
use super::paging::{Items, PageQuery};
use super::problem::Answer;
use crate::model::{Login, LoginId, LoginKind};

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
