//! The way from operators to the API server: it counts, delays, refuses and drops requests as a
//! script says, and keeps a journal of what it did.
//!
//! HTTP/1.1 over TLS with the API server's own certificate, so that an operator's client is
//! configured as ever. Watches stream through until they are cut. Requests of an operator that
//! was killed are answered no more, whatever is still under way in its process.
//!
//! | file | idea |
//! |---|---|
//! | `script` | what may happen to a request |
//! | `forward` | a request on its way, and answers of our own |
//! | `slice` | the part of the API server that a world sees |

mod forward;
mod script;
mod slice;

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use futures_util::StreamExt as _;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use http::{HeaderName, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, BodyStream, Limited, StreamBody};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::{Client, Config};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::journal::Journal;
use forward::{Forward, at_version, refusal, whole};
use script::verb;
pub use script::{Asked, Fate, Script, Verb, calm};
pub use slice::{Slice, WORLD};

/// Which run of which operator asks.
static OPERATOR: HeaderName = HeaderName::from_static("x-faults-operator");
/// More than any object of a test.
const BODY_BYTES: usize = 8 << 20;

type Body = UnsyncBoxBody<Bytes, kube::Error>;
type Answer = Result<Response<Body>, Broken>;

/// Why a connection breaks before the answer.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the script says so, or the operator was killed")]
    OnPurpose,
    #[error("the API server: {0}")]
    Upstream(#[from] anyhow::Error),
}

/// A proxy of one world. It ends with its value.
pub struct Proxy {
    inner: Arc<Inner>,
    address: u16,
    stop: CancellationToken,
}

struct Inner {
    upstream: Client,
    slice: Slice,
    script: Mutex<Script>,
    counts: Mutex<Counts>,
    /// Ends with each operator's run.
    lives: Mutex<HashMap<u32, CancellationToken>>,
    crashes: mpsc::UnboundedSender<u32>,
    sight: watch::Sender<Sight>,
}

/// What watches may see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sight {
    /// New ones have to wait.
    blind: bool,
    /// How often those that ran were ended.
    cuts: u64,
}

#[derive(Default)]
struct Counts {
    requests: u64,
    writes: u64,
    leases: u64,
    faults: u64,
    /// Watches to be told that what they ask for is too old, by path.
    expired: Vec<String>,
    journal: Journal,
}

impl Proxy {
    /// Begins to listen. Operators that the script kills are named in the receiver.
    pub async fn start(
        upstream: Client,
        tls: Arc<ServerConfig>,
        slice: Slice,
    ) -> Result<(Self, mpsc::UnboundedReceiver<u32>)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?.port();
        let (crashes, victims) = mpsc::unbounded_channel();
        let inner = Arc::new(Inner {
            upstream,
            slice,
            script: Mutex::new(calm()),
            counts: Mutex::default(),
            lives: Mutex::default(),
            crashes,
            sight: watch::Sender::default(),
        });
        let stop = CancellationToken::new();
        let serving = serve(listener, TlsAcceptor::from(tls), inner.clone());
        tokio::spawn(stop.clone().run_until_cancelled_owned(serving));
        let proxy = Self {
            inner,
            address,
            stop,
        };
        Ok((proxy, victims))
    }

    /// How the run `operator` of an operator reaches the API server through this proxy.
    pub fn config(&self, direct: &Config, operator: u32) -> Result<Config> {
        let life = CancellationToken::new();
        lock(&self.inner.lives).insert(operator, life);
        let mut config = direct.clone();
        config.cluster_url = format!("https://127.0.0.1:{}", self.address).parse()?;
        let number = HeaderValue::from(operator);
        config.headers.push((OPERATOR.clone(), number));
        Ok(config)
    }

    /// From now on nothing of this run is answered or done.
    pub fn kill(&self, operator: u32) {
        if let Some(life) = lock(&self.inner.lives).get(&operator) {
            life.cancel();
        }
    }

    /// What happens to requests from now on.
    pub fn play(&self, script: Script) {
        *lock(&self.inner.script) = script;
    }

    /// All watches end, and new ones are not answered until [`Proxy::see`].
    pub fn be_blind(&self) {
        self.inner.sight.send_modify(|sight| {
            sight.blind = true;
            sight.cuts += 1;
        });
    }

    /// Watches go on; with `expired` each is first told that what it knows is too old.
    pub fn see(&self, expired: bool) {
        if expired {
            let kinds = [
                "/nodes",
                "/pods",
                "/mmrpools",
                "/meetingzones",
                "/daemonsets",
                "/statefulsets",
                "/deployments",
                "/services",
                "/secrets",
            ];
            lock(&self.inner.counts).expired = kinds.map(str::to_owned).into();
        }
        self.inner.sight.send_modify(|sight| sight.blind = false);
    }

    /// Requests, and those of them that were to write (without the Lease's), until now.
    pub fn counted(&self) -> (u64, u64) {
        let counts = lock(&self.inner.counts);
        (counts.requests, counts.writes)
    }

    /// Requests but for the Lease's, until now.
    pub fn asked(&self) -> u64 {
        let counts = lock(&self.inner.counts);
        counts.requests - counts.leases
    }

    /// Requests to which something was done.
    pub fn faults(&self) -> u64 {
        lock(&self.inner.counts).faults
    }

    /// The last requests, and what became of them.
    pub fn journal(&self) -> Vec<String> {
        lock(&self.inner.counts).journal.lines()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.cancel();
        for life in lock(&self.inner.lives).values() {
            life.cancel();
        }
    }
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, inner: Arc<Inner>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, inner) = (tls.clone(), inner.clone());
        // Ends when the operator closes it, or is killed.
        tokio::spawn(async move {
            let _ = connection(stream, tls, inner).await;
        });
    }
}

async fn connection(stream: TcpStream, tls: TlsAcceptor, inner: Arc<Inner>) -> Result<()> {
    stream.set_nodelay(true)?;
    let stream = tls.accept(stream).await?;
    let service = service_fn(move |request| {
        let inner = inner.clone();
        async move { inner.answer(request).await }
    });
    let builder = hyper::server::conn::http1::Builder::new();
    builder
        .serve_connection(TokioIo::new(stream), service)
        .await?;
    Ok(())
}

impl Inner {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        let operator = request
            .headers()
            .get(&OPERATOR)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .ok_or(Broken::OnPurpose)?;
        let life = lock(&self.lives)
            .get(&operator)
            .cloned()
            .ok_or(Broken::OnPurpose)?;
        let answer = self.decide(request, operator, life.clone());
        match life.run_until_cancelled(answer).await {
            Some(answer) => answer,
            None => Err(Broken::OnPurpose),
        }
    }

    async fn decide(
        self: &Arc<Self>,
        request: Request<Incoming>,
        operator: u32,
        life: CancellationToken,
    ) -> Answer {
        let (head, body) = request.into_parts();
        let body = Limited::new(body, BODY_BYTES).collect().await;
        let body = body.map_err(|_| Broken::OnPurpose)?.to_bytes();
        let asked = self.asked(&head, operator);
        let fate = lock(&self.script)(&asked);
        self.note(&asked, &fate);
        let mut forward = Forward {
            client: self.upstream.clone(),
            method: head.method.clone(),
            target: self.slice.narrowed(&asked.path, &asked.query),
            headers: [ACCEPT, CONTENT_TYPE]
                .into_iter()
                .filter_map(|name| Some((name.clone(), head.headers.get(&name)?.clone())))
                .collect(),
            body,
        };
        match fate {
            Fate::Pass => {}
            Fate::Late(time) => sleep(time).await,
            Fate::Refuse(code) => return Ok(refusal(code)),
            Fate::Hang => return std::future::pending().await,
            Fate::Lost => return Err(Broken::OnPurpose),
            Fate::DoneHang => {
                forward.done().await?;
                return std::future::pending().await;
            }
            Fate::DoneLost => {
                forward.done().await?;
                return Err(Broken::OnPurpose);
            }
            Fate::DoneCrash => {
                forward.done().await?;
                life.cancel();
                // Nobody listens once the world is over.
                let _ = self.crashes.send(operator);
                return Err(Broken::OnPurpose);
            }
            Fate::Ghost(time) => {
                tokio::spawn(async move {
                    sleep(time).await;
                    forward.done().await
                });
                return Err(Broken::OnPurpose);
            }
            Fate::Old(version) => forward.target = at_version(&forward.target, &version),
        }
        if asked.verb == Verb::Watch {
            return self.watch(&asked, forward, life).await;
        }
        let (head, body) = forward.send().await?.into_parts();
        let body = body
            .collect()
            .await
            .map_err(anyhow::Error::from)?
            .to_bytes();
        Ok(Response::from_parts(head, whole(body)))
    }

    fn asked(&self, head: &http::request::Parts, operator: u32) -> Asked {
        let query = head.uri.query().unwrap_or_default().to_owned();
        let path = head.uri.path().to_owned();
        let verb = verb(&head.method, &path, &query);
        let mut counts = lock(&self.counts);
        counts.requests += 1;
        let mut asked = Asked {
            operator,
            number: counts.requests,
            write: 0,
            verb,
            method: head.method.clone(),
            path,
            query,
        };
        counts.leases += u64::from(asked.is_lease());
        if verb == Verb::Write && !asked.is_lease() {
            counts.writes += 1;
            asked.write = counts.writes;
        }
        asked
    }

    fn note(&self, asked: &Asked, fate: &Fate) {
        let mut counts = lock(&self.counts);
        counts.faults += u64::from(*fate != Fate::Pass);
        counts.journal.note(format_args!("{asked}: {fate:?}"));
    }

    /// A stream that ends when watches are cut.
    async fn watch(&self, asked: &Asked, forward: Forward, life: CancellationToken) -> Answer {
        let mut sight = self.sight.subscribe();
        let cuts = match sight.wait_for(|sight| !sight.blind).await {
            Ok(sight) => sight.cuts,
            Err(_) => return Err(Broken::OnPurpose),
        };
        let expired = {
            let mut counts = lock(&self.counts);
            let place = counts
                .expired
                .iter()
                .position(|it| asked.path.ends_with(it));
            place
                .map(|place| counts.expired.swap_remove(place))
                .is_some()
        };
        if expired {
            return Ok(refusal(410));
        }
        let (head, body) = forward.send().await?.into_parts();
        let cut = async move {
            tokio::select! {
                () = life.cancelled_owned() => {}
                _ = sight.wait_for(|sight| sight.cuts != cuts) => {}
            }
        };
        let frames = BodyStream::new(body);
        let cut: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(cut);
        let body = StreamBody::new(frames.take_until(cut)).boxed_unsync();
        Ok(Response::from_parts(head, body))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// TLS as the API server speaks it.
pub fn tls(pki: &std::path::Path) -> Result<Arc<ServerConfig>> {
    let read = |name: &str| {
        let path = pki.join(name);
        std::fs::read(&path).with_context(|| format!("reading {}", path.display()))
    };
    let identity = plenum_transport::tls::Identity::from_pem(
        &read("apiserver.crt")?,
        &read("apiserver.key")?,
    )?;
    Ok(plenum_transport::tls::server_config(
        &identity,
        None,
        &[b"http/1.1"],
    )?)
}
