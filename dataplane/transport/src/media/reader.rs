//! What packets are received by, whatever the rung.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use plenum_wire::FlowId;
use plenum_wire::frame::{FrameError, decode_datagram, decode_stream};
use quinn::Connection;
use tokio::io::{AsyncReadExt as _, ReadHalf};
use tokio_rustls::TlsStream;

use super::Outbox;
use crate::route::Stream;
use crate::websocket::{Broken, Frame, Incoming};

/// Room made for one read: one TLS record.
const READ: usize = 16 * 1_024;

pub(crate) enum Reader {
    Quic(Connection),
    Tcp {
        half: ReadHalf<TlsStream<Stream>>,
        buffer: BytesMut,
        outbox: Arc<Outbox>,
    },
    WebSocket {
        incoming: Incoming,
        outbox: Arc<Outbox>,
    },
}

/// Why there are no more packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// The connection is closed.
    Closed,
    /// What came is not media.
    Garbage(String),
}

impl From<FrameError> for End {
    fn from(error: FrameError) -> Self {
        Self::Garbage(error.to_string())
    }
}

impl Reader {
    pub(crate) fn tcp(half: ReadHalf<TlsStream<Stream>>, outbox: Arc<Outbox>) -> Self {
        Self::Tcp {
            half,
            buffer: BytesMut::new(),
            outbox,
        }
    }

    /// The next packet. Nothing is lost when the future is dropped.
    pub(crate) async fn next(&mut self) -> Result<(FlowId, Bytes), End> {
        match self {
            Self::Quic(connection) => {
                let datagram = connection.read_datagram().await.map_err(|_| End::Closed)?;
                whole(&datagram)
            }
            Self::Tcp {
                half,
                buffer,
                outbox,
            } => loop {
                if let Some(packet) = decode_stream(buffer)? {
                    return Ok(packet);
                }
                buffer.reserve(READ);
                let read = tokio::select! {
                    read = half.read_buf(buffer) => read,
                    () = outbox.closed() => return Err(End::Closed),
                };
                if !matches!(read, Ok(1..)) {
                    return Err(End::Closed);
                }
            },
            Self::WebSocket { incoming, outbox } => loop {
                let frame = tokio::select! {
                    frame = incoming.next() => frame,
                    () = outbox.closed() => return Err(End::Closed),
                };
                match frame {
                    Some(Ok(Frame::Binary(message))) => return whole(&message),
                    Some(Ok(Frame::Ping | Frame::Pong)) => {}
                    Some(Ok(Frame::Text(_))) => {
                        return Err(End::Garbage("media is binary".to_owned()));
                    }
                    Some(Err(Broken::TooLong)) => return Err(FrameError::Long.into()),
                    Some(Err(Broken::Protocol(reason))) => return Err(End::Garbage(reason)),
                    Some(Ok(Frame::Close(_)) | Err(Broken::Connection(_))) | None => {
                        return Err(End::Closed);
                    }
                }
            },
        }
    }
}

fn whole(message: &Bytes) -> Result<(FlowId, Bytes), End> {
    let (flow, packet) = decode_datagram(message)?;
    Ok((flow, message.slice_ref(packet)))
}
