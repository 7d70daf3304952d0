//! `GET /v1/forward?to=HOST:PORT&path=PATH` with an upgrade to WebSocket: for browsers, which
//! cannot CONNECT.
//!
//! The tunnel proves the router by the fingerprint that the zone registered, as a browser
//! could not, asks it for the same WebSocket with the client's own key, and from its answer on
//! passes bytes both ways: what a WebSocket may carry is the router's matter.

use axum::extract::{Query, Request};
use axum::response::{IntoResponse as _, Response};
use http::header::{
    AUTHORIZATION, CONNECTION, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderValue, StatusCode, Version};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use plenum_transport::https::Peer;
use plenum_transport::tls::{Trust, client_config};
use plenum_wire::{Fingerprint, control};
use rustls_pki_types::ServerName;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::allowed::Kind;
use crate::connect::bearer_of;
use crate::door::{Door, Way};
use crate::refusal::Refusal;
use crate::target::Target;

/// Where.
pub(crate) const FORWARD_PATH: &str = "/v1/forward";
/// A subprotocol that is a token: browsers can set no other header.
const TOKEN: &str = "plenum.bearer.";
/// Subprotocol of the rung `tls`.
const MEDIA_SUBPROTOCOL: &str = "plenum.media.v1";
/// The one version of WebSockets (RFC 6455 section 4.1).
const WEBSOCKET_VERSION: &str = "13";
/// Length of a key: 16 bytes in base64.
const KEY_BYTES: usize = 24;

#[derive(Deserialize)]
struct Wanted {
    to: String,
    path: String,
}

/// What the client asks of the router.
struct Opening {
    path: &'static str,
    subprotocol: &'static str,
    key: HeaderValue,
}

/// Opens the WebSocket, or says why not.
pub(crate) async fn forward(
    door: &Door,
    peer: &Peer,
    mut request: Request,
) -> Result<Response, Refusal> {
    let Query(wanted) = Query::<Wanted>::try_from_uri(request.uri())
        .map_err(|_| Refusal::BadRequest("write /v1/forward?to=HOST:PORT&path=PATH"))?;
    let target = Target::parse(&wanted.to)?;
    let opening = opening(&wanted.path, request.version(), request.headers())?;
    let token = token(request.headers());
    let admitted = door.admit(Way::Forward, peer.addr.ip(), token, &target)?;
    let Kind::Router(pin) = admitted.kind else {
        return Err(Refusal::BadRequest("WebSockets lead to routers"));
    };
    let stream = door.reach(&target).await?;
    let opened = timeout(door.patience(), opening.open(stream, &target, pin));
    let mut answer = opened.await.map_err(|_| Refusal::Silent)??;
    let accept = answer.headers_mut().remove(SEC_WEBSOCKET_ACCEPT);
    let router = hyper::upgrade::on(answer);
    let router = timeout(door.patience(), router).await;
    let router = router.map_err(|_| Refusal::Silent)?;
    let router = router.map_err(|_| Refusal::Unreachable)?;
    let client = hyper::upgrade::on(&mut request);
    door.carry("forward", admitted.place, client, TokioIo::new(router));
    Ok(switching(opening.subprotocol, accept))
}

/// The WebSocket that is asked for, if it is one that a router has.
fn opening(path: &str, version: Version, headers: &HeaderMap) -> Result<Opening, Refusal> {
    let is = |name, value: &str| {
        let sent = headers.get(name).and_then(|sent| sent.to_str().ok());
        sent.is_some_and(|sent| list(sent).any(|one| one.eq_ignore_ascii_case(value)))
    };
    let asks = version == Version::HTTP_11
        && is(CONNECTION, "upgrade")
        && is(UPGRADE, "websocket")
        && is(SEC_WEBSOCKET_VERSION, WEBSOCKET_VERSION);
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|key| is_key(key));
    let Some(key) = key.filter(|_| asks) else {
        return Err(Refusal::NoWebSocket);
    };
    let (path, subprotocol) = match path {
        control::CONTROL_PATH => (control::CONTROL_PATH, control::SUBPROTOCOL),
        control::MEDIA_PATH => (control::MEDIA_PATH, MEDIA_SUBPROTOCOL),
        _ => {
            let detail = "a router has the WebSockets /v1/control and /v1/media";
            return Err(Refusal::BadRequest(detail));
        }
    };
    if !subprotocols(headers).any(|one| one == subprotocol) {
        let detail = "ask for the path's subprotocol: plenum.v1 or plenum.media.v1";
        return Err(Refusal::BadRequest(detail));
    }
    let key = key.clone();
    Ok(Opening {
        path,
        subprotocol,
        key,
    })
}

fn is_key(key: &HeaderValue) -> bool {
    let base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
    key.len() == KEY_BYTES && key.as_bytes().iter().all(base64)
}

fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim)
}

fn subprotocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(list)
}

/// The token, in a header or among the subprotocols.
fn token(headers: &HeaderMap) -> Option<&str> {
    let among = || subprotocols(headers).find_map(|one| one.strip_prefix(TOKEN));
    headers
        .get(AUTHORIZATION)
        .and_then(bearer_of)
        .or_else(among)
}

impl Opening {
    /// Asks the router; its answer, if it opens.
    async fn open(
        &self,
        stream: TcpStream,
        target: &Target,
        pin: Fingerprint,
    ) -> Result<http::Response<Incoming>, Refusal> {
        let opened = self.ask(stream, target, pin).await;
        let answer = opened.map_err(|error| {
            tracing::debug!(%target, error, "opening a WebSocket");
            Refusal::Unreachable
        })?;
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(answer);
        }
        tracing::debug!(%target, status = %answer.status(), "a router refused a WebSocket");
        Err(Refusal::Unreachable)
    }

    async fn ask(
        &self,
        stream: TcpStream,
        target: &Target,
        pin: Fingerprint,
    ) -> Result<http::Response<Incoming>, Box<dyn std::error::Error + Send + Sync>> {
        let address = stream.peer_addr()?.ip();
        let tls = client_config(&Trust::Pinned(pin), None, &[b"http/1.1"])?;
        let name = ServerName::IpAddress(address.into());
        let tls = TlsConnector::from(tls).connect(name, stream).await?;
        let (mut send, connection) = http1::handshake(TokioIo::new(tls)).await?;
        // Ends with the upgrade, or when either side is dropped.
        tokio::spawn(connection.with_upgrades());
        let request = http::Request::get(self.path)
            .header(HOST, target.to_string())
            .header(CONNECTION, "upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, WEBSOCKET_VERSION)
            .header(SEC_WEBSOCKET_PROTOCOL, self.subprotocol)
            .header(SEC_WEBSOCKET_KEY, &self.key)
            .body(axum::body::Body::empty())?;
        Ok(send.send_request(request).await?)
    }
}

fn switching(subprotocol: &'static str, accept: Option<HeaderValue>) -> Response {
    let mut answer = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let headers = answer.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(
        SEC_WEBSOCKET_PROTOCOL,
        HeaderValue::from_static(subprotocol),
    );
    if let Some(accept) = accept {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    answer
}
