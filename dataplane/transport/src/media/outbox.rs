//! The sending side of rungs `tcp` and `tls`: a queue, and the task that empties it.
//!
//! The kernel takes little ahead of what it has sent (`socket::tune`), so that what the path does
//! not carry waits here. For the estimate a packet is sent when it comes into the queue, and
//! delivered when the kernel has taken it.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use futures_util::SinkExt as _;
use plenum_wire::Kind;
use plenum_wire::frame::close;
use tokio::io::{AsyncWriteExt as _, WriteHalf};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_rustls::TlsStream;
use tokio_util::sync::CancellationToken;

use super::Outbound;
use super::queue::{SendQueue, max_age};
use crate::estimate::{Delivered, Estimate, Told};
use crate::marking::Marker;
use crate::route::Stream;
use crate::websocket::{Broken, Frame, Outgoing};

/// Written at once at most, in bytes: one TLS record. More would grow old in our own hands.
const WRITE: usize = 16 * 1_024;
/// How long a connection that is being closed may still write.
const FAREWELL: Duration = Duration::from_secs(1);
/// WebSocket close codes from here on are for private use (RFC 6455 section 7.4.2): `RoQ`'s
/// codes are added to it.
const PRIVATE_CODES: u16 = 4_000;

/// Shared between who sends, who writes and who reads one connection.
#[derive(Debug)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    filled: Notify,
    news: Notify,
    reason: OnceLock<(u32, String)>,
    closed: CancellationToken,
    marker: Marker,
}

#[derive(Debug)]
struct State {
    queue: SendQueue,
    estimate: Estimate,
    told: Told,
}

impl Outbox {
    /// Of a connection that is marked by `marker`.
    pub(crate) fn new(marker: Marker) -> Self {
        Self {
            marker,
            // Until it is known what the connection carries.
            state: Mutex::new(State {
                queue: SendQueue::new(max_age(Kind::Video)),
                estimate: Estimate::new(),
                told: Told::default(),
            }),
            filled: Notify::new(),
            news: Notify::new(),
            reason: OnceLock::new(),
            closed: CancellationToken::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in there can be left half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bits a second, once there is a limit to them.
    pub(super) fn limit(&self) -> Option<u64> {
        let estimate = &self.state().estimate;
        estimate.has_met_a_limit().then(|| estimate.bits_per_s())
    }

    /// The estimate, each time it is worth telling.
    pub(super) async fn news(&self) -> u64 {
        self.news.notified().await;
        self.state().estimate.bits_per_s()
    }

    fn written(&self, written: Delivered) {
        let now = Instant::now();
        let is_news = {
            let state = &mut *self.state();
            state.estimate.handle_delivered(written, now);
            state.told.is_news(state.estimate.bits_per_s(), now)
        };
        if is_news {
            self.news.notify_one();
        }
    }

    pub(super) fn carries(&self, kind: Kind) {
        self.marker.carries(kind);
        self.state().queue.set_max_age(max_age(kind));
    }

    /// Packets dropped since the last push.
    pub(super) fn push(&self, outbound: Outbound) -> u64 {
        let dropped = {
            let queue = &mut self.state().queue;
            queue.push(Instant::now(), outbound);
            queue.take_dropped()
        };
        self.filled.notify_one();
        dropped
    }

    pub(crate) fn close(&self, code: u32, reason: &str) {
        self.reason.get_or_init(|| (code, reason.to_owned()));
        self.closed.cancel();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.is_cancelled()
    }

    pub(super) async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// The next packet to send, and since when it waits; `None` when there is none now.
    fn pop(&self) -> Option<(Instant, Outbound)> {
        self.state().queue.pop_since(Instant::now())
    }

    /// Waits for the next packet to send; `None` once closed.
    async fn next(&self) -> Option<(Instant, Outbound)> {
        loop {
            if self.is_closed() {
                return None;
            }
            let next = self.pop();
            if next.is_some() {
                return next;
            }
            tokio::select! {
                () = self.filled.notified() => {}
                () = self.closed() => return None,
            }
        }
    }

    /// Empties the queue into a TLS connection until either is closed.
    pub(crate) async fn write_tcp(&self, mut half: WriteHalf<TlsStream<Stream>>) {
        let mut buffer = BytesMut::with_capacity(WRITE);
        while let Some((since, outbound)) = self.next().await {
            outbound.put_stream(&mut buffer);
            let mut burst = burst(since);
            while buffer.len() < WRITE
                && let Some((since, outbound)) = self.pop()
            {
                outbound.put_stream(&mut buffer);
                burst.sent = since;
                burst.packets += 1;
            }
            burst.bytes = buffer.len() as u64;
            let written = async {
                half.write_all_buf(&mut buffer).await?;
                half.flush().await
            };
            if !matches!(self.unless_closed(written).await, Some(Ok(()))) {
                break;
            }
            self.written(burst);
        }
        self.close(close::NONE, "");
        let _ = timeout(FAREWELL, half.shutdown()).await;
    }

    /// Empties the queue into a WebSocket until either is closed.
    pub(crate) async fn write_websocket(&self, mut outgoing: Outgoing) {
        while let Some(first) = self.next().await {
            let written = self.unless_closed(self.write_burst(&mut outgoing, first));
            let Some(Ok(burst)) = written.await else {
                break;
            };
            self.written(burst);
        }
        self.close(close::NONE, "");
        let (code, reason) = self.reason.get().cloned().unwrap_or_default();
        let goodbye = Frame::Close(Some((websocket_code(code), reason)));
        let _ = timeout(FAREWELL, outgoing.send(goodbye)).await;
    }

    /// Writes what waits and flushes once; what that was.
    async fn write_burst(
        &self,
        outgoing: &mut Outgoing,
        first: (Instant, Outbound),
    ) -> Result<Delivered, Broken> {
        let mut burst = burst(first.0);
        burst.packets = 0;
        let (mut next, mut written) = (Some(first), 0);
        while let Some((since, outbound)) = next {
            let message = outbound.datagram();
            written += message.len();
            burst.sent = since;
            burst.packets += 1;
            outgoing.feed(Frame::Binary(message)).await?;
            next = if written < WRITE { self.pop() } else { None };
        }
        outgoing.flush().await?;
        burst.bytes = written as u64;
        Ok(burst)
    }

    /// What the future gives; `None` when the outbox is closed meanwhile and the future does
    /// not end soon.
    async fn unless_closed<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let overdue = async {
            self.closed().await;
            tokio::time::sleep(FAREWELL).await;
        };
        tokio::select! {
            output = future => Some(output),
            () = overdue => None,
        }
    }
}

/// One packet that waited since then, its bytes not counted yet.
const fn burst(since: Instant) -> Delivered {
    Delivered {
        sent: since,
        bytes: 0,
        packets: 1,
    }
}

/// As which close code a `RoQ` error code is told on a WebSocket.
fn websocket_code(code: u32) -> u16 {
    match u16::try_from(code) {
        Ok(0) => 1_000,
        // The private range has 1,000 codes.
        Ok(code) if code < 1_000 => PRIVATE_CODES + code,
        _ => PRIVATE_CODES,
    }
}
