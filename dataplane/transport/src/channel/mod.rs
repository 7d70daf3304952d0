//! One typed JSON WebSocket: the control channel of a client, the link of a zone.
//!
//! Guarantees: [`Sender::send`] never waits, and a peer that lets its queue fill up is
//! closed rather than waited for; a message that cannot be understood is reported and the
//! channel goes on; one that is too long ends it; a peer that is silent is noticed.
//!
//! The channel lives as long as its [`Receiver`]: dropping that closes it.

mod life;
mod pump;

use std::marker::PhantomData;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use plenum_wire::limits::MESSAGE_BYTES;
use plenum_wire::{BadMessage, decode, encode};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use crate::dial::DialError;
use crate::route::Route;
use crate::websocket::{self, Bounds, Target};
use life::Life;
use pump::Fate;

/// Messages that may wait to be sent. A router greets a newcomer to a large meeting with
/// hundreds in one go, which must not look like a peer that does not read.
pub const QUEUE: usize = 1_024;
/// Of its WebSocket, in bytes. A message has some hundred; the operator holds two channels for each
/// zone, and a router one for everybody.
const BUFFER: usize = 2 * 1_024;
/// Messages that may wait to be read; then the peer waits, by TCP's own flow control.
const READ_QUEUE: usize = 64;

/// Close codes of RFC 6455 section 7.4.1, as far as we send them ourselves.
pub mod close {
    /// Done.
    pub const NORMAL: u16 = 1000;
    /// Binary messages are not spoken here.
    pub const UNSUPPORTED: u16 = 1003;
    /// Longer than the limit.
    pub const TOO_LONG: u16 = 1009;
    /// The peer did not read fast enough: try again later.
    pub const TOO_SLOW: u16 = 1013;
}

/// Limits of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Longest message to take, in bytes.
    pub limit: usize,
    /// A ping goes out when for so long, or half as long again, nothing was said or nothing heard.
    pub ping: Duration,
    /// A peer not heard for this long is gone.
    pub silence: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limit: MESSAGE_BYTES,
            ping: Duration::from_secs(1),
            silence: Duration::from_secs(3),
        }
    }
}

/// Whom to connect to.
#[derive(Debug, Clone)]
pub struct Dial {
    /// Where.
    pub addr: SocketAddr,
    /// The DNS name or address that the certificate must be for.
    pub server_name: String,
    /// Path of the WebSocket.
    pub path: String,
    /// The WebSocket subprotocol to ask for.
    pub subprotocol: String,
    /// Trust and identity.
    pub tls: Arc<ClientConfig>,
}

/// A connected channel that reads `In` and writes `Out`.
#[derive(Debug)]
pub struct Channel<In, Out> {
    sender: Sender<Out>,
    receiver: Receiver<In>,
}

/// The writing half. Clones write to the same channel.
#[derive(Debug)]
pub struct Sender<Out> {
    queue: mpsc::Sender<String>,
    fate: Arc<Fate>,
    messages: PhantomData<fn(Out)>,
}

/// The reading half.
#[derive(Debug)]
pub struct Receiver<In> {
    queue: mpsc::Receiver<String>,
    fate: Arc<Fate>,
    limit: usize,
    messages: PhantomData<fn() -> In>,
}

/// What came over a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received<In> {
    /// A message.
    Message(In),
    /// Something that is no message; the channel goes on.
    Bad(BadMessage),
    /// The end, once and for all.
    Closed {
        /// The WebSocket's close code; `None` when the connection just ended.
        code: Option<u16>,
        /// Why, for the log.
        reason: String,
    },
}

/// Sets the size limits of a WebSocket that is about to become a [`Channel`]; without this
/// the library would buffer messages of many megabytes before the channel sees them.
pub fn bounded(upgrade: WebSocketUpgrade, limit: usize) -> WebSocketUpgrade {
    websocket::bounded(upgrade, bounds(limit))
}

fn bounds(limit: usize) -> Bounds {
    Bounds {
        message: limit,
        buffer: BUFFER,
    }
}

impl<In, Out> Channel<In, Out> {
    /// Connects with the default [`Settings`], within 5 s.
    pub async fn dial(request: Dial) -> Result<Self, DialError> {
        Self::dial_with(request, Settings::default()).await
    }

    /// Connects by a route with the default [`Settings`], within 5 s.
    pub async fn dial_via(route: &Route, request: Dial) -> Result<Self, DialError> {
        Self::open(route, request, Settings::default()).await
    }

    /// Connects within 5 s.
    pub async fn dial_with(request: Dial, settings: Settings) -> Result<Self, DialError> {
        Self::open(&Route::direct(), request, settings).await
    }

    async fn open(route: &Route, request: Dial, settings: Settings) -> Result<Self, DialError> {
        let server_name = ServerName::try_from(request.server_name)
            .map_err(|error| DialError::Request(error.to_string()))?;
        let dialled = websocket::dial(Target {
            route,
            address: request.addr,
            server_name,
            path: &request.path,
            subprotocol: &request.subprotocol,
            tls: request.tls,
            bounds: bounds(settings.limit),
        })
        .await?;
        let life = Life::dialled(settings.ping);
        Ok(Self::start(
            dialled.outgoing,
            dialled.incoming,
            settings,
            life,
        ))
    }

    /// A channel over a WebSocket that a client opened; messages have at most `limit` bytes.
    /// Must be called within a runtime.
    #[must_use]
    pub fn accept(websocket: WebSocket, limit: usize) -> Self {
        Self::accept_with(
            websocket,
            Settings {
                limit,
                ..Settings::default()
            },
        )
    }

    /// As [`Channel::accept`], with other timing.
    #[must_use]
    pub fn accept_with(websocket: WebSocket, settings: Settings) -> Self {
        let (outgoing, incoming) = websocket::server(websocket);
        let life = Life::accepted(settings.ping);
        Self::start(outgoing, incoming, settings, life)
    }

    fn start(
        outgoing: websocket::Outgoing,
        incoming: websocket::Incoming,
        settings: Settings,
        life: Life,
    ) -> Self {
        let fate = Arc::new(Fate::default());
        let (sender, to_send) = mpsc::channel(QUEUE);
        let (received, to_read) = mpsc::channel(READ_QUEUE);
        let pump = pump::Pump {
            to_send,
            received,
            fate: Arc::clone(&fate),
            settings,
            life,
        };
        tokio::spawn(pump.run(outgoing, incoming));
        Self {
            sender: Sender {
                queue: sender,
                fate: Arc::clone(&fate),
                messages: PhantomData,
            },
            receiver: Receiver {
                queue: to_read,
                fate,
                limit: settings.limit,
                messages: PhantomData,
            },
        }
    }

    /// The two halves.
    #[must_use]
    pub fn split(self) -> (Sender<Out>, Receiver<In>) {
        (self.sender, self.receiver)
    }
}

impl<Out> Clone for Sender<Out> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
            fate: Arc::clone(&self.fate),
            messages: PhantomData,
        }
    }
}

impl<Out: Serialize> Sender<Out> {
    /// Queues a message. `false` when the channel is closed, or is closed now because
    /// [`QUEUE`] messages already wait.
    pub fn send(&self, message: &Out) -> bool {
        if self.fate.is_closing() {
            return false;
        }
        match self.queue.try_send(encode(message)) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Closed(_)) => false,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.fate.abort(close::TOO_SLOW, "the peer does not read");
                false
            }
        }
    }
}

impl<Out> Sender<Out> {
    /// Closes the channel once what is queued is sent, within a second.
    pub fn close(&self, code: u16, reason: &str) {
        self.fate.close(code, reason);
    }
}

impl<In: DeserializeOwned> Receiver<In> {
    /// Waits for the next message. After [`Received::Closed`] it is that again. Nothing is
    /// lost when the future is dropped.
    pub async fn next(&mut self) -> Received<In> {
        let Some(text) = self.queue.recv().await else {
            let (code, reason) = self.fate.outcome();
            return Received::Closed { code, reason };
        };
        match decode(&text, self.limit) {
            Ok(message) => Received::Message(message),
            Err(bad) => Received::Bad(bad),
        }
    }
}
