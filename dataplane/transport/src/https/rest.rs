//! The rest of a body that nobody wants. Who is refused by the head of their request is still
//! sending it, and a connection that is closed before all of it was read takes the answer with
//! it (RFC 9112 section 9.6): so a little more is read, and thrown away.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Read of it at most, in bytes: four times the longest request of people. Who sends more is
/// told by the end of the connection.
const BYTES: usize = 256 * 1_024;
/// For so long at most.
const PATIENCE: Duration = Duration::from_secs(2);

/// A body that comes back when its reader has had enough.
pub(super) struct Lent {
    body: Option<Incoming>,
    back: Option<oneshot::Sender<Incoming>>,
}

/// Where it comes back to.
pub(super) struct Rest(oneshot::Receiver<Incoming>);

pub(super) fn lend(body: Incoming) -> (Lent, Rest) {
    let (back, rest) = oneshot::channel();
    let lent = Lent {
        body: Some(body),
        back: Some(back),
    };
    (lent, Rest(rest))
}

impl Rest {
    /// Throws it away, if its reader has given it back.
    pub(super) async fn discard(mut self) {
        let Ok(mut body) = self.0.try_recv() else {
            return;
        };
        let reading = async {
            let mut left = BYTES;
            while let Some(Ok(frame)) = body.frame().await {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                let Some(less) = left.checked_sub(bytes) else {
                    return;
                };
                left = less;
            }
        };
        // Whatever is left after that ends the connection.
        let _ = timeout(PATIENCE, reading).await;
    }
}

impl Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(SizeHint::default, Body::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let unread = self.body.take().filter(|body| !body.is_end_stream());
        if let (Some(body), Some(back)) = (unread, self.back.take()) {
            drop(back.send(body));
        }
    }
}
