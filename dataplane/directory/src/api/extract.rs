//! What is read from a request, with errors that are problems.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::BODY_BYTES;
use super::problem::Problem;

/// A JSON body.
pub struct Body<T>(pub T);

/// Parts of the path.
pub struct InPath<T>(pub T);

/// The query string.
pub struct InQuery<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        json(request, BODY_BYTES).await.map(Self)
    }
}

/// A JSON body of at most so many bytes, which the route's `DefaultBodyLimit` is to say too.
pub async fn json<T: DeserializeOwned>(request: Request, most: usize) -> Result<T, Problem> {
    if !is_json(&request) {
        return Err(
            Problem::bad_request("send the body as \"Content-Type: application/json\"")
                .with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE),
        );
    }
    let bytes = Bytes::from_request(request, &()).await;
    let bytes = bytes.map_err(|rejection| {
        Problem::bad_request(format!("a body has at most {most} bytes here"))
            .with_status(rejection.status())
    })?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Problem::bad_request(format!("the body does not fit: {error}; see /docs")))
}

fn is_json(request: &Request) -> bool {
    let kind = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|it| it.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
    essence.is_some_and(|kind| {
        let kind = kind.to_ascii_lowercase();
        kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
    })
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for InPath<T> {
    type Rejection = Problem;

    /// What cannot be the name of anything names nothing.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Path::<T>::from_request_parts(parts, state)
            .await
            .map(|Path(found)| Self(found))
            .map_err(|rejection| {
                Problem::from(plenum_wire::directory::Denial::NotFound)
                    .saying(rejection.body_text())
            })
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for InQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Query::<T>::from_request_parts(parts, state)
            .await
            .map(|Query(found)| Self(found))
            .map_err(|rejection| Problem::bad_request(rejection.body_text()))
    }
}

/// A field of a change (RFC 7396): left out, `null`, or a value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// It was left out.
    #[default]
    Stays,
    /// It was `null`.
    Gone,
    /// It was there.
    Is(T),
}

impl<T> Change<T> {
    /// What is so after the change, where `before` was so.
    pub fn after(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Stays => before,
            Self::Gone => None,
            Self::Is(value) => Some(value),
        }
    }

    /// The same change of something else.
    pub fn try_map<U, E>(self, read: impl FnOnce(T) -> Result<U, E>) -> Result<Change<U>, E> {
        Ok(match self {
            Self::Stays => Change::Stays,
            Self::Gone => Change::Gone,
            Self::Is(value) => Change::Is(read(value)?),
        })
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let found = Option::<T>::deserialize(deserializer)?;
        Ok(found.map_or(Self::Gone, Self::Is))
    }
}
