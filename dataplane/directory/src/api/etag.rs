//! Concurrent changes: what is read has an `ETag`, and a change may say by `If-Match` of what
//! it is a change (RFC 9110, sections 8.8.3 and 13.1.1).

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::header::{ETAG, IF_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use plenum_wire::directory::Denial;
use serde::Serialize;

use super::problem::Problem;
use crate::model::Revision;
use crate::store;

/// An answer with the version of what it shows.
pub struct Versioned<T>(pub Revision, pub T);

impl<T: Serialize> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        let tag = HeaderValue::from_str(&format!("\"{}\"", self.0))
            .expect("a number in quotes fits a header");
        ([(ETAG, tag)], Json(self.1)).into_response()
    }
}

/// What a request asks to be unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IfMatch(Option<Vec<String>>);

impl IfMatch {
    /// Whether the change may be made to a thing that is at `revision`.
    pub fn check(&self, revision: Revision) -> Result<(), Problem> {
        let Some(tags) = &self.0 else {
            return Ok(());
        };
        let current = format!("\"{revision}\"");
        if tags.iter().any(|tag| tag == "*" || *tag == current) {
            return Ok(());
        }
        Err(Self::failed())
    }

    /// The same of what is to be deleted: which number it has to have still, if the request
    /// says which.
    pub fn still(&self, revision: Revision) -> Result<Option<Revision>, Problem> {
        self.check(revision)?;
        Ok(self.names_one().then_some(revision))
    }

    /// What to answer where the change was checked and came too late: somebody changed the
    /// thing between the check and the change.
    pub fn late(&self, error: store::Error) -> Problem {
        match error {
            store::Error::Changed { .. } if self.names_one() => Self::failed(),
            error => error.into(),
        }
    }

    fn names_one(&self) -> bool {
        self.0.iter().flatten().any(|tag| tag != "*")
    }

    fn failed() -> Problem {
        Problem::from(Denial::Conflict).with_status(StatusCode::PRECONDITION_FAILED)
    }
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut tags = Vec::new();
        let headers = parts.headers.get_all(IF_MATCH);
        for value in &headers {
            // What cannot be read is no tag of ours, and so matches nothing.
            let text = value.to_str().unwrap_or_default();
            tags.extend(text.split(',').map(|tag| tag.trim().to_owned()));
        }
        Ok(Self((headers.iter().next().is_some()).then_some(tags)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tags: Option<&[&str]>) -> bool {
        let tags = tags.map(|tags| tags.iter().map(|tag| (*tag).to_owned()).collect());
        IfMatch(tags).check(Revision(7)).is_ok()
    }

    #[test]
    fn a_change_of_what_was_read_is_made() {
        assert!(check(None));
        assert!(check(Some(&["\"7\""])));
        assert!(check(Some(&["\"6\"", "\"7\""])));
        assert!(check(Some(&["*"])));
    }

    #[test]
    fn a_change_that_comes_too_late_fails_like_one_of_something_else() {
        let late = |tags: Option<&[&str]>, error| {
            let tags = tags.map(|tags| tags.iter().map(|tag| (*tag).to_owned()).collect());
            IfMatch(tags).late(error).into_response().status().as_u16()
        };
        let changed = || store::Error::Changed { what: "meeting" };
        assert_eq!(late(Some(&["\"7\""]), changed()), 412);
        assert_eq!(late(Some(&["*"]), changed()), 409, "it is still there");
        assert_eq!(late(None, changed()), 409);
        let taken = store::Error::Conflict { what: "account" };
        assert_eq!(late(Some(&["\"7\""]), taken), 409);
    }

    #[test]
    fn a_change_of_something_else_is_not() {
        for tags in [&["\"6\""][..], &["7"], &["W/\"7\""], &[""]] {
            assert!(!check(Some(tags)), "{tags:?}");
        }
    }
}
