//! A client of the API server whose requests are counted and end in time: what this operator
//! costs the cluster while nothing happens is a metric, not a guess, and an answer that never
//! comes cannot make a leader stand still.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body as Answer, Bytes, HttpBody, to_bytes};
use http::{Method, Request, Response};
use kube::client::{Body, ClientBuilder};
use kube::{Client, Config};
use tower::{BoxError, Layer, Service};

use crate::metrics::Metrics;

/// How long a whole answer may take, its body included: a page of a list of 500 nodes takes
/// well under a second. Writes and the Lease have a shorter time of their own.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the head of a watch may take: an API server that has just started answers when its
/// own caches are filled. What follows may take for ever; kube itself starts a watch anew that
/// was silent for five minutes.
pub const WATCH_TIMEOUT: Duration = Duration::from_secs(30);

/// The API server did not answer in time; it may have done what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("no answer from the API server to {request} within {limit:?}")]
pub struct TimedOut {
    /// Method and path.
    pub request: String,
    /// The time it had.
    pub limit: Duration,
}

/// A client behind [`Bounds`].
///
/// # Errors
/// As [`ClientBuilder::try_from`]: certificates or proxies of the configuration that do not work.
pub fn client(config: Config, metrics: Arc<Metrics>) -> kube::Result<Client> {
    let builder = ClientBuilder::try_from(config)?;
    Ok(builder.with_layer(&Bounds { metrics }).build())
}

/// Counts each request, and waits for none longer than [`ANSWER_TIMEOUT`] or
/// [`WATCH_TIMEOUT`].
pub struct Bounds {
    /// Where requests are counted.
    pub metrics: Arc<Metrics>,
}

impl<S> Layer<S> for Bounds {
    type Service = Bounded<S>;

    fn layer(&self, inner: S) -> Bounded<S> {
        let metrics = self.metrics.clone();
        Bounded { inner, metrics }
    }
}

/// A service behind [`Bounds`].
pub struct Bounded<S> {
    inner: S,
    metrics: Arc<Metrics>,
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Answer>, BoxError>> + Send>>;

impl<S, B> Service<Request<Body>> for Bounded<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Answer>;
    type Error = BoxError;
    type Future = Answering;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<Body>) -> Answering {
        // An API server that is traced as well goes on with it.
        plenum_traceparent::inject(request.headers_mut());
        let verb = verb(&request);
        self.metrics.request(verb);
        let name = format!("{} {}", request.method(), request.uri().path());
        let answer = self.inner.call(request);
        let head = async { Ok(answer.await.map_err(Into::into)?.map(Answer::new)) };
        if verb == "watch" {
            Box::pin(within(WATCH_TIMEOUT, name, head))
        } else {
            Box::pin(within(ANSWER_TIMEOUT, name, whole(head)))
        }
    }
}

/// The answer with its body, which may be what never comes.
async fn whole(
    head: impl Future<Output = Result<Response<Answer>, BoxError>>,
) -> Result<Response<Answer>, BoxError> {
    let (parts, body) = head.await?.into_parts();
    let body = to_bytes(body, usize::MAX).await?;
    Ok(Response::from_parts(parts, body.into()))
}

async fn within<T>(
    limit: Duration,
    request: String,
    answer: impl Future<Output = Result<T, BoxError>>,
) -> Result<T, BoxError> {
    match tokio::time::timeout(limit, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(TimedOut { request, limit }.into()),
    }
}

/// The verb in Kubernetes' words, but one for reading: get or list is told by the path only.
fn verb<B>(request: &Request<B>) -> &'static str {
    let watches = || {
        let query = request.uri().query().unwrap_or_default();
        query
            .split('&')
            .any(|pair| matches!(pair, "watch=true" | "watch=1"))
    };
    match *request.method() {
        Method::GET if watches() => "watch",
        Method::GET => "read",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_is_told_from_a_read() {
        let verb_of = |method: Method, uri: &str| {
            verb(&Request::builder().method(method).uri(uri).body(()).unwrap())
        };
        assert_eq!(verb_of(Method::GET, "/api/v1/pods?limit=5"), "read");
        assert_eq!(
            verb_of(Method::GET, "/api/v1/pods?limit=5&watch=true"),
            "watch"
        );
        assert_eq!(
            verb_of(Method::PATCH, "/api/v1/pods/a?fieldManager=watch"),
            "patch"
        );
    }
}
