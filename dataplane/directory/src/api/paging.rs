//! Lists in pages. The cursor is the last key, wrapped so that nobody builds on what it is.

use std::fmt::Display;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::problem::{Answer, Problem};
use crate::model::{Listed, PAGE_LIMIT, Page};

/// Items of a page where nobody says otherwise.
const USUAL: u32 = 100;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// `next` of the page before.
    #[param(max_length = 256)]
    cursor: Option<String>,
    /// Items at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

impl PageQuery {
    /// The page of a list whose keys are `K`.
    pub fn page<K: FromStr>(&self) -> Answer<Page<K>> {
        let limit = self.limit.unwrap_or(USUAL);
        if !(1..=PAGE_LIMIT).contains(&limit) {
            return Err(Problem::bad_request(format!(
                "\"limit\" is between 1 and {PAGE_LIMIT}"
            )));
        }
        let wrong =
            || Problem::bad_request("\"cursor\" is \"next\" of another page of the same list");
        let after = match &self.cursor {
            None => None,
            Some(cursor) => Some(unwrap(cursor).ok_or_else(wrong)?),
        };
        Ok(Page::new(after, limit))
    }
}

fn unwrap<K: FromStr>(cursor: &str) -> Option<K> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    std::str::from_utf8(&bytes).ok()?.parse().ok()
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Items<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// The cursor of the next page; `null` on the last.
    pub next: Option<String>,
}

impl<T> Items<T> {
    /// What the store found, as it is shown.
    pub fn of<S, K: Display>(listed: Listed<S, K>, show: impl Fn(S) -> T) -> Self {
        Self {
            items: listed.items.into_iter().map(show).collect(),
            next: listed
                .next
                .map(|key| URL_SAFE_NO_PAD.encode(key.to_string())),
        }
    }
}
