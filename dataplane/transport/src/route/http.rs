//! HTTP over a route: requests to controllers and directories, through whatever proxies.
//!
//! HTTP/1.1 with connections kept for a burst of requests. Answers are read whole and bounded;
//! no redirect is followed, because those we ask send none, and networks that want a sign-in do.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use ::http::header::USER_AGENT;
use ::http::{HeaderValue, Request, Response, Uri};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tower::Service;

use super::{Route, RouteError, Stream, Target};

/// Longest answer in bytes where nothing else is said, and longest head of one.
pub const ANSWER_BYTES: usize = 64 * 1_024;
/// A connection is kept for a burst of requests, not to find it dead later.
const IDLE: Duration = Duration::from_secs(5);
const AGENT: HeaderValue = HeaderValue::from_static(concat!("plenum/", env!("CARGO_PKG_VERSION")));

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The request cannot be sent to anybody.
    #[error("{0}")]
    Request(String),
    /// The server could not be reached.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// The server's certificate is not trusted, which no second try makes better.
    #[error("{0}")]
    Untrusted(String),
    /// No answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// The answer is longer than [`ANSWER_BYTES`], or than was said.
    #[error("the answer is too long")]
    TooLong,
    /// The connection ended, or what came is no HTTP.
    #[error("{0}")]
    Broken(String),
}

/// Sends requests. Clones share connections.
#[derive(Debug, Clone)]
pub struct Http {
    connector: Connector,
    client: Arc<Mutex<Kept>>,
    answer_bytes: usize,
}

/// hyper's client, which keeps the connections.
type Kept = Client<Connector, Full<Bytes>>;

impl Http {
    /// Must be used within a tokio runtime.
    #[must_use]
    pub fn new(route: Route, tls: Arc<ClientConfig>) -> Self {
        let connector = Connector { route, tls };
        Self {
            client: Arc::new(Mutex::new(connector.clone().client())),
            connector,
            answer_bytes: ANSWER_BYTES,
        }
    }

    /// The same, for answers of at most so many bytes.
    #[must_use]
    pub fn with_answers_of(self, bytes: usize) -> Self {
        Self {
            answer_bytes: bytes,
            ..self
        }
    }

    /// Forgets the connections that are kept: after a change of the network they lead nowhere.
    pub fn forget_connections(&self) {
        *self.kept() = self.connector.clone().client();
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing in there can be left half done.
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request to its URI, `https://` or `http://`, and reads the answer whole, both
    /// within a time. It belongs to the trace of the span that it is sent in.
    pub async fn send(
        &self,
        request: Request<Bytes>,
        within: Duration,
    ) -> Result<Response<Bytes>, HttpError> {
        let exchange = async {
            let (head, body) = self.exchange(request).await?.into_parts();
            let body = Limited::new(body, self.answer_bytes).collect().await;
            let body = body.map_err(|error| unread(error.as_ref()))?.to_bytes();
            Ok(Response::from_parts(head, body))
        };
        timeout(within, exchange)
            .await
            .unwrap_or(Err(HttpError::TimedOut))
    }

    /// Sends a request and reads of the answer no more than its head, however long the rest is;
    /// the connection is not kept.
    pub async fn send_for_head(
        &self,
        request: Request<Bytes>,
        within: Duration,
    ) -> Result<Response<()>, HttpError> {
        let answer = timeout(within, self.exchange(request)).await;
        let answer = answer.unwrap_or(Err(HttpError::TimedOut))?;
        Ok(answer.map(drop))
    }

    async fn exchange(&self, mut request: Request<Bytes>) -> Result<Response<Incoming>, HttpError> {
        request.headers_mut().entry(USER_AGENT).or_insert(AGENT);
        plenum_traceparent::inject(request.headers_mut());
        let client = self.kept().clone();
        let response = client.request(request.map(Full::new)).await;
        response.map_err(|error| sort(&error))
    }
}

fn sort(error: &legacy::Error) -> HttpError {
    let mut cause: &dyn Error = error;
    loop {
        if let Some(ours) = cause.downcast_ref::<HttpError>() {
            return ours.clone();
        }
        match cause.source() {
            Some(inner) => cause = inner,
            // The innermost error says what happened; the outer ones that a request failed.
            None => return HttpError::Broken(cause.to_string()),
        }
    }
}

fn unread(error: &(dyn Error + Send + Sync + 'static)) -> HttpError {
    if error.is::<LengthLimitError>() {
        return HttpError::TooLong;
    }
    let cause = error
        .source()
        .map_or_else(|| error.to_string(), ToString::to_string);
    HttpError::Broken(cause)
}

/// Connects hyper's client by a route.
#[derive(Debug, Clone)]
struct Connector {
    route: Route,
    tls: Arc<ClientConfig>,
}

impl Connector {
    fn client(self) -> Kept {
        Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .http1_max_buf_size(ANSWER_BYTES)
            .build(self)
    }

    async fn connect(self, uri: Uri) -> Result<TokioIo<Stream>, HttpError> {
        let wrong = |why: &str| HttpError::Request(format!("{uri} {why}"));
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(wrong("is neither https nor http")),
        };
        let host = uri.host().ok_or_else(|| wrong("names no host"))?;
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let target = Target::new(host, port)?;
        let stream = self.route.reach(&target).await?;
        if !secure {
            return Ok(TokioIo::new(stream));
        }
        let name = target.host().clone();
        let connecting = TlsConnector::from(self.tls).connect(name, stream);
        let stream = connecting.await.map_err(|error| of_tls(&error))?;
        Ok(TokioIo::new(stream.into()))
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, HttpError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), HttpError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

fn of_tls(error: &io::Error) -> HttpError {
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(
            tls @ (rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented),
        ) => HttpError::Untrusted(tls.to_string()),
        _ => HttpError::Broken(error.to_string()),
    }
}
