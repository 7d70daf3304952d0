//! One face for the two WebSockets we hold: axum's as a server, tungstenite's as a client.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::ws;
use bytes::Bytes;
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _, future};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::protocol::{self, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::HANDSHAKE_TIMEOUT;
use crate::dial::DialError;
use crate::marking::Marker;
use crate::route::{self, Route};

/// What a WebSocket may take, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// The longest message.
    pub(crate) message: usize,
    /// What is read at once, and what both buffers are made with; they grow with what is longer.
    /// The library's 128 KiB are a lot for thousands of them.
    pub(crate) buffer: usize,
}

/// What goes over a WebSocket.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Text(String),
    Binary(Bytes),
    Ping,
    Pong,
    Close(Option<(u16, String)>),
}

/// Why a WebSocket can no longer be used.
#[derive(Debug)]
pub(crate) enum Broken {
    /// A message was longer than the limit.
    TooLong,
    /// The bytes were no WebSocket, or no text.
    Protocol(String),
    /// The connection is gone.
    Connection(String),
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        match error {
            Error::Capacity(_) => Self::TooLong,
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
                Self::Connection("connection reset".to_owned())
            }
            Error::Protocol(_) | Error::Utf8(_) => Self::Protocol(error.to_string()),
            other => Self::Connection(other.to_string()),
        }
    }
}

impl From<axum::Error> for Broken {
    fn from(error: axum::Error) -> Self {
        match error.into_inner().downcast::<Error>() {
            Ok(error) => (*error).into(),
            Err(other) => Self::Connection(other.to_string()),
        }
    }
}

pub(crate) type Incoming = Pin<Box<dyn Stream<Item = Result<Frame, Broken>> + Send>>;
pub(crate) type Outgoing = Pin<Box<dyn Sink<Frame, Error = Broken> + Send>>;

/// The two directions of a server's WebSocket.
pub(crate) fn server(websocket: ws::WebSocket) -> (Outgoing, Incoming) {
    let (sink, stream) = websocket.split();
    let stream = stream.map(|message| message.map(from_axum).map_err(Broken::from));
    let sink = sink
        .sink_map_err(Broken::from)
        .with(|frame| future::ok::<_, Broken>(to_axum(frame)));
    (Box::pin(sink), Box::pin(stream))
}

/// The two directions of a client's WebSocket.
pub(crate) fn client(websocket: WebSocketStream<TlsStream<route::Stream>>) -> (Outgoing, Incoming) {
    let (sink, stream) = websocket.split();
    let stream = stream.map(|message| message.map(from_tungstenite).map_err(Broken::from));
    let sink = sink
        .sink_map_err(Broken::from)
        .with(|frame| future::ok::<_, Broken>(to_tungstenite(frame)));
    (Box::pin(sink), Box::pin(stream))
}

/// A client's WebSocket.
pub(crate) struct Dialled {
    pub(crate) outgoing: Outgoing,
    pub(crate) incoming: Incoming,
    pub(crate) marker: Marker,
}

/// Where a WebSocket is dialled.
pub(crate) struct Target<'a> {
    pub(crate) route: &'a Route,
    pub(crate) address: SocketAddr,
    pub(crate) server_name: ServerName<'static>,
    pub(crate) path: &'a str,
    pub(crate) subprotocol: &'a str,
    pub(crate) tls: Arc<ClientConfig>,
    pub(crate) bounds: Bounds,
}

/// Connects TCP, TLS and WebSocket within [`HANDSHAKE_TIMEOUT`] together.
pub(crate) async fn dial(target: Target<'_>) -> Result<Dialled, DialError> {
    timeout(HANDSHAKE_TIMEOUT, connect(target))
        .await
        .map_err(|_| DialError::TimedOut)?
}

async fn connect(target: Target<'_>) -> Result<Dialled, DialError> {
    let authority = match &target.server_name {
        ServerName::DnsName(name) => format!("{}:{}", name.as_ref(), target.address.port()),
        _ => target.address.to_string(),
    };
    let mut request = format!("wss://{authority}{}", target.path)
        .into_client_request()
        .map_err(|error| DialError::Request(error.to_string()))?;
    let subprotocol = HeaderValue::from_str(target.subprotocol)
        .map_err(|error| DialError::Request(error.to_string()))?;
    let headers = request.headers_mut();
    headers.insert(SEC_WEBSOCKET_PROTOCOL, subprotocol);
    plenum_traceparent::inject(headers);

    let tls = tls(target.route, target.address, target.server_name, target.tls).await?;
    let marker = tls.get_ref().0.marker();
    let (websocket, _) = client_async_with_config(request, tls, Some(config(target.bounds)))
        .await
        .map_err(refused)?;
    let (outgoing, incoming) = client(websocket);
    Ok(Dialled {
        outgoing,
        incoming,
        marker,
    })
}

/// A TLS connection by a route, tuned for live media.
pub(crate) async fn tls(
    route: &Route,
    address: SocketAddr,
    server_name: ServerName<'static>,
    config: Arc<ClientConfig>,
) -> Result<TlsStream<route::Stream>, DialError> {
    let stream = route.reach(&address.into()).await?;
    Ok(TlsConnector::from(config)
        .connect(server_name, stream)
        .await?)
}

fn config(bounds: Bounds) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(bounds.buffer)
        .write_buffer_size(bounds.buffer)
        .max_message_size(Some(bounds.message))
        .max_frame_size(Some(bounds.message))
}

/// The same bounds for a WebSocket that is about to be accepted.
pub(crate) fn bounded(upgrade: ws::WebSocketUpgrade, bounds: Bounds) -> ws::WebSocketUpgrade {
    upgrade
        .read_buffer_size(bounds.buffer)
        .write_buffer_size(bounds.buffer)
        .max_message_size(bounds.message)
        .max_frame_size(bounds.message)
}

fn refused(error: Error) -> DialError {
    match error {
        Error::Http(response) => DialError::Refused {
            status: response.status().as_u16(),
        },
        Error::Io(error) => error.into(),
        other => DialError::Protocol(other.to_string()),
    }
}

fn from_axum(message: ws::Message) -> Frame {
    match message {
        ws::Message::Text(text) => Frame::Text(text.as_str().to_owned()),
        ws::Message::Binary(bytes) => Frame::Binary(bytes),
        ws::Message::Ping(_) => Frame::Ping,
        ws::Message::Pong(_) => Frame::Pong,
        ws::Message::Close(frame) => {
            Frame::Close(frame.map(|frame| (frame.code, frame.reason.as_str().to_owned())))
        }
    }
}

fn to_axum(frame: Frame) -> ws::Message {
    match frame {
        Frame::Text(text) => ws::Message::Text(text.into()),
        Frame::Binary(bytes) => ws::Message::Binary(bytes),
        Frame::Ping => ws::Message::Ping(Bytes::new()),
        Frame::Pong => ws::Message::Pong(Bytes::new()),
        Frame::Close(frame) => ws::Message::Close(frame.map(|(code, reason)| ws::CloseFrame {
            code,
            reason: reason.into(),
        })),
    }
}

fn from_tungstenite(message: Message) -> Frame {
    match message {
        Message::Text(text) => Frame::Text(text.as_str().to_owned()),
        Message::Binary(bytes) => Frame::Binary(bytes),
        Message::Ping(_) => Frame::Ping,
        // Raw frames are only ever written, never read.
        Message::Pong(_) | Message::Frame(_) => Frame::Pong,
        Message::Close(frame) => {
            Frame::Close(frame.map(|frame| (frame.code.into(), frame.reason.as_str().to_owned())))
        }
    }
}

fn to_tungstenite(frame: Frame) -> Message {
    match frame {
        Frame::Text(text) => Message::Text(text.into()),
        Frame::Binary(bytes) => Message::Binary(bytes),
        Frame::Ping => Message::Ping(Bytes::new()),
        Frame::Pong => Message::Pong(Bytes::new()),
        Frame::Close(frame) => Message::Close(frame.map(|(code, reason)| protocol::CloseFrame {
            code: code.into(),
            reason: reason.into(),
        })),
    }
}
