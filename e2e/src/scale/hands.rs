//! Many requests at once, with a bound.

use std::fmt::Debug;

use anyhow::{Context as _, Result};
use futures_util::{TryStreamExt as _, stream};
use http::{Method, Request};
use kube::Client;
use serde_json::Value;

/// In flight at once: as many as keep an API server on two cores busy.
pub(super) const AT_ONCE: usize = 32;

/// Makes what is at these paths; what is there already is fine.
pub(super) async fn create(
    client: &Client,
    objects: impl Iterator<Item = (String, Value)>,
) -> Result<()> {
    stream::iter(objects.map(Ok))
        .try_for_each_concurrent(AT_ONCE, |(path, object)| async move {
            post(client, &path, &object).await
        })
        .await
}

/// Makes an object in a collection; one that is there already is fine.
pub(super) async fn post(client: &Client, collection: &str, object: &Value) -> Result<()> {
    let type_ = "application/json";
    match send(client, Method::POST, (collection, type_), object).await {
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        other => other.with_context(|| format!("creating in {collection}")),
    }
}

/// Merges into an object; one that went is fine.
pub(super) async fn merge(client: &Client, path: &str, fields: &Value) -> Result<()> {
    let type_ = "application/merge-patch+json";
    gone_is_fine(
        send(client, Method::PATCH, (path, type_), fields).await,
        path,
    )
}

/// Deletes an object at once.
pub(super) async fn delete(client: &Client, path: &str) -> Result<()> {
    let at_once = serde_json::json!({"gracePeriodSeconds": 0});
    let type_ = "application/json";
    gone_is_fine(
        send(client, Method::DELETE, (path, type_), &at_once).await,
        path,
    )
}

fn gone_is_fine<T: Debug>(result: Result<T, kube::Error>, path: &str) -> Result<()> {
    match result {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => other.map(drop).with_context(|| path.to_owned()),
    }
}

async fn send(
    client: &Client,
    method: Method,
    (path, type_): (&str, &str),
    body: &Value,
) -> Result<(), kube::Error> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(http::header::CONTENT_TYPE, type_)
        .body(body.to_string().into_bytes())
        .map_err(kube::Error::HttpError)?;
    client.request_text(request).await.map(drop)
}
