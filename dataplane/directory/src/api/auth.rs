//! Who asks: sessions, API tokens and the credentials of zones, all sent as `Bearer`.
//!
//! Each begins with a few letters that say what it is: whoever finds one in a file or a log
//! knows what to revoke, and programs that look for leaked secrets find it.

use std::time::Instant;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use jiff::SignedDuration;
use plenum_wire::directory::Denial;

use super::Directory;
use super::problem::{Answer, Problem};
use crate::model::{Account, AccountId, AccountRole, Login, LoginKind, Secret, SecretHash};
use crate::store;

/// Begins a session's secret.
pub const SESSION: &str = "pls_";
/// Begins an API token.
pub const API_TOKEN: &str = "plm_";
/// Begins the credential of a zone.
pub const ZONE_CREDENTIAL: &str = "plz_";

/// How exactly it is noted when a login was used.
const USED_GRAIN: SignedDuration = SignedDuration::from_mins(5);

/// A secret as its owner sees it.
pub fn shown(prefix: &str, secret: &Secret) -> String {
    format!("{prefix}{}", secret.reveal())
}

/// What a request presents, if anything.
pub fn bearer(headers: &HeaderMap) -> Answer<Option<&str>> {
    let wrong = || Problem::from(Denial::SignInRequired).saying("send \"Authorization: Bearer\"");
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    // Of two, a proxy before us may have looked at the other.
    if values.next().is_some() {
        return Err(wrong().saying("send one \"Authorization\""));
    }
    let text = value.to_str().map_err(|_| wrong())?;
    let (scheme, token) = text.split_once(' ').ok_or_else(wrong)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(wrong());
    }
    Ok(Some(token.trim()))
}

/// Somebody who signed in, or a program with their token.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Who.
    pub account: Account,
    /// How.
    pub login: Login,
}

/// Somebody who signed in as an administrator.
pub struct Admin(pub AccountId);

/// A replica of this directory, by its account.
pub struct Replica(pub AccountId);

impl SignedIn {
    /// Whether they may do what administrators may.
    pub fn is_admin(&self) -> bool {
        self.account.role == AccountRole::Admin
    }
}

/// What those are told whose session or token opens nothing.
pub fn ended() -> Problem {
    Problem::from(Denial::SignInRequired).saying("the session or token is unknown or has ended")
}

async fn login(directory: &Directory, presented: &str) -> Answer<SignedIn> {
    let (kind, secret) = if let Some(secret) = presented.strip_prefix(SESSION) {
        (LoginKind::Session, secret)
    } else if let Some(secret) = presented.strip_prefix(API_TOKEN) {
        (LoginKind::ApiToken, secret)
    } else {
        return Err(ended());
    };
    let hash = SecretHash::of(secret).ok_or_else(ended)?;
    let (login, account) = match directory.store().login(&hash, directory.time()).await {
        Err(store::Error::NotFound { .. }) => return Err(ended()),
        found => found?,
    };
    if login.kind != kind {
        return Err(ended());
    }
    if let Err(wait) = directory.limits().account(account.id, Instant::now()) {
        return Err(Problem::from(Denial::TooManyRequests).after(wait));
    }
    note_use(directory, &login).await;
    Ok(SignedIn { account, login })
}

/// Notes that the login was used. That it could not be noted is no reason to refuse.
async fn note_use(directory: &Directory, login: &Login) {
    let now = directory.time();
    let lately = login
        .last_used
        .is_some_and(|used| now.duration_since(used) < USED_GRAIN);
    if lately || directory.config().read_only {
        return;
    }
    if let Err(error) = directory.store().login_used(login.id, now).await {
        tracing::debug!(%error, "noting the use of a login");
    }
}

async fn anybody(parts: &Parts, directory: &Directory) -> Answer<Option<SignedIn>> {
    match bearer(&parts.headers)? {
        Some(presented) => login(directory, presented).await.map(Some),
        None => Ok(None),
    }
}

async fn somebody(parts: &Parts, directory: &Directory) -> Answer<SignedIn> {
    let found = anybody(parts, directory).await?;
    found.ok_or_else(|| Denial::SignInRequired.into())
}

fn no_replica(found: &SignedIn) -> Answer<()> {
    if found.account.role == AccountRole::Replica {
        return Err(Problem::from(Denial::Forbidden).saying("this token is for a replica only"));
    }
    Ok(())
}

impl FromRequestParts<Directory> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, directory: &Directory) -> Answer<Self> {
        let found = somebody(parts, directory).await?;
        no_replica(&found)?;
        Ok(found)
    }
}

/// Who presents something has to present something good.
impl OptionalFromRequestParts<Directory> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, directory: &Directory) -> Answer<Option<Self>> {
        let found = anybody(parts, directory).await?;
        if let Some(found) = &found {
            no_replica(found)?;
        }
        Ok(found)
    }
}

impl FromRequestParts<Directory> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, directory: &Directory) -> Answer<Self> {
        let found = somebody(parts, directory).await?;
        if !found.is_admin() {
            return Err(Denial::Forbidden.into());
        }
        Ok(Self(found.account.id))
    }
}

impl FromRequestParts<Directory> for Replica {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, directory: &Directory) -> Answer<Self> {
        let found = somebody(parts, directory).await?;
        if found.account.role != AccountRole::Replica {
            return Err(Problem::from(Denial::Forbidden)
                .saying("make a token with \"plenum directory replica add NAME\""));
        }
        Ok(Self(found.account.id))
    }
}
