//! An HTTP proxy such as companies have.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::{PROXY_AUTHENTICATE, PROXY_AUTHORIZATION};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// What a proxy lets through.
#[derive(Debug, Clone, Default)]
pub struct ProxyRules {
    /// The `Proxy-Authorization` that it asks for, such as `Basic dTpw`.
    pub authorization: Option<String>,
    /// The only ports that it connects to; every port, if there are none.
    pub ports: Vec<u16>,
    /// Names that it knows and nobody else does.
    pub names: BTreeMap<String, IpAddr>,
}

/// A proxy for CONNECT on loopback. Ends when dropped, with its connections.
#[derive(Debug)]
pub struct HttpProxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    _task: AbortOnDropHandle<()>,
}

impl HttpProxy {
    /// A proxy that is spoken to over plain TCP.
    pub async fn start(rules: ProxyRules) -> io::Result<Self> {
        Self::start_behind(rules, async |stream| Ok(stream)).await
    }

    /// A proxy whose connections are wrapped first, such as in TLS.
    pub async fn start_behind<S, F>(
        rules: ProxyRules,
        wrap: impl Fn(TcpStream) -> F + Clone + Send + Sync + 'static,
    ) -> io::Result<Self>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        F: Future<Output = io::Result<S>> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let asked = Arc::new(Mutex::new(Vec::new()));
        let desk = Arc::new(Desk {
            rules,
            asked: Arc::clone(&asked),
        });
        let accepting = async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                while connections.try_join_next().is_some() {}
                let (desk, wrap) = (Arc::clone(&desk), wrap.clone());
                connections.spawn(async move {
                    // Whoever hangs up in the middle has got what they wanted.
                    if let Ok(stream) = wrap(stream).await {
                        desk.serve(stream).await;
                    }
                });
            }
        };
        Ok(Self {
            address,
            asked,
            _task: AbortOnDropHandle::new(tokio::spawn(accepting)),
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it was asked to connect to, `HOST:PORT` each, refused or not.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        let asked = self.asked.lock();
        asked.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[derive(Debug)]
struct Desk {
    rules: ProxyRules,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Desk {
    /// One connection: its CONNECT, then its bytes both ways.
    async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let (opened, behind) = tokio::sync::oneshot::channel();
        let opened = Mutex::new(Some(opened));
        let service = service_fn(|request: Request<Incoming>| {
            let opened = &opened;
            async move {
                let (status, target) = match self.answer(&request).await {
                    Ok(target) => (StatusCode::OK, Some(target)),
                    Err(status) => (status, None),
                };
                if let Some(target) = target {
                    let upgrade = hyper::upgrade::on(request);
                    let opened = opened.lock().unwrap_or_else(PoisonError::into_inner).take();
                    // Nobody waits for a second one.
                    let _ = opened.map(|opened| opened.send((upgrade, target)));
                }
                let mut response = Response::builder().status(status);
                if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
                    response = response.header(PROXY_AUTHENTICATE, "Basic realm=\"office\"");
                }
                response.body(Empty::<Bytes>::new())
            }
        });
        let connection = http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        // Broken or refused: either way there is nothing to carry.
        if connection.await.is_err() {
            return;
        }
        if let Ok((upgrade, mut target)) = behind.await
            && let Ok(upgraded) = upgrade.await
        {
            let mut upgraded = TokioIo::new(upgraded);
            // It ends when either side does.
            let _ = copy_bidirectional(&mut upgraded, &mut target).await;
        }
    }

    fn note(&self, authority: String) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push(authority);
    }

    /// A connection to where it is asked for, or the status that says why not.
    async fn answer(&self, request: &Request<Incoming>) -> Result<TcpStream, StatusCode> {
        let authority = request.uri().authority().ok_or(StatusCode::BAD_REQUEST)?;
        self.note(authority.to_string());
        let shown = request.headers().get(PROXY_AUTHORIZATION);
        let shown = shown.and_then(|value| value.to_str().ok());
        if self.rules.authorization.is_some() && shown != self.rules.authorization.as_deref() {
            return Err(StatusCode::PROXY_AUTHENTICATION_REQUIRED);
        }
        let port = authority.port_u16().unwrap_or(443);
        let allowed = self.rules.ports.is_empty() || self.rules.ports.contains(&port);
        if request.method() != Method::CONNECT || !allowed {
            return Err(StatusCode::FORBIDDEN);
        }
        let host = authority.host().trim_matches(['[', ']']);
        let stream = match self.rules.names.get(host) {
            Some(address) => TcpStream::connect((*address, port)).await,
            None => TcpStream::connect((host, port)).await,
        };
        stream.map_err(|_| StatusCode::BAD_GATEWAY)
    }
}
