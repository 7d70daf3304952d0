//! Bytes both ways between a client and its target, in fair shares, until either ends or
//! nothing flows any more. What is read is written before more is read, so neither side can
//! make the tunnel hold more than one piece for each direction.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use prometheus_client::metrics::counter::Counter;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;
use crate::pacer::Pacer;
use crate::shares::{Number, QUANTUM};

/// Bytes read at once.
const PIECE: usize = QUANTUM as usize;

/// How a tunnel ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Both sides were done.
    Closed,
    /// One of them broke off.
    Broken,
    /// Nothing flowed for too long.
    Idle,
    /// The process ends.
    Stopped,
}

impl Ended {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Broken => "broken",
            Self::Idle => "idle",
            Self::Stopped => "stopped",
        }
    }
}

/// What a tunnel needs besides its two ends.
pub(crate) struct Lane {
    pub(crate) client: Number,
    pub(crate) pacer: Pacer,
    pub(crate) idle: Duration,
    pub(crate) metrics: Metrics,
    pub(crate) stop: CancellationToken,
}

/// Carries until the end.
pub(crate) async fn relay<C, T>(client: C, target: T, lane: &Lane) -> Ended
where
    C: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    let (from_client, to_client) = tokio::io::split(client);
    let (from_target, to_target) = tokio::io::split(target);
    let (up, down) = lane.metrics.bytes();
    let activity = Activity::new();
    let carried = async {
        tokio::try_join!(
            lane.one_way(from_client, to_target, &up, &activity),
            lane.one_way(from_target, to_client, &down, &activity),
        )
    };
    tokio::select! {
        carried = carried => match carried {
            Ok(_) => Ended::Closed,
            Err(_) => Ended::Broken,
        },
        () = activity.silence(lane.idle) => Ended::Idle,
        () = lane.stop.cancelled() => Ended::Stopped,
    }
}

impl Lane {
    async fn one_way(
        &self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
        bytes: &Counter,
        activity: &Activity,
    ) -> io::Result<()> {
        loop {
            let piece = poll_fn(|context| read(&mut from, context)).await?;
            if piece.is_empty() {
                return to.shutdown().await;
            }
            activity.seen();
            let length = u32::try_from(piece.len()).unwrap_or(QUANTUM);
            if self.pacer.pass(self.client, length).await {
                self.metrics.waited();
            }
            to.write_all(&piece).await?;
            to.flush().await?;
            activity.seen();
            bytes.inc_by(length.into());
        }
    }
}

/// Reads what is there; empty at the end. Room for it is taken only when something is there:
/// most of some thousand connections have nothing to say at any moment.
fn read(from: &mut (impl AsyncRead + Unpin), context: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
    let mut room = [MaybeUninit::uninit(); PIECE];
    let mut room = ReadBuf::uninit(&mut room);
    ready!(Pin::new(from).poll_read(context, &mut room))?;
    Poll::Ready(Ok(Bytes::copy_from_slice(room.filled())))
}

/// When something flowed last.
struct Activity {
    start: Instant,
    /// Milliseconds since the start.
    last: AtomicU64,
}

impl Activity {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            last: AtomicU64::new(0),
        }
    }

    fn seen(&self) {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Relaxed);
    }

    /// Ends when nothing has flowed for this long.
    async fn silence(&self, idle: Duration) {
        loop {
            let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
            let end = self.start + last + idle;
            if end <= Instant::now() {
                return;
            }
            sleep_until(end).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use prometheus_client::registry::Registry;
    use tokio::io::{AsyncReadExt as _, duplex};

    use super::*;

    fn lane(idle: Duration) -> Lane {
        Lane {
            client: Number(0),
            pacer: Pacer::new(NonZeroU64::MAX),
            idle,
            metrics: Metrics::new(&mut Registry::default()),
            stop: CancellationToken::new(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_direction_ends_by_itself_and_the_tunnel_with_both() {
        let (mut client, near) = duplex(64);
        let (mut target, far) = duplex(64);
        let running =
            tokio::spawn(async move { relay(near, far, &lane(Duration::from_secs(3_600))).await });
        client.write_all(b"question").await.unwrap();
        client.shutdown().await.unwrap();
        let mut heard = String::new();
        target.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "question");
        target.write_all(b"answer").await.unwrap();
        target.shutdown().await.unwrap();
        let mut heard = String::new();
        client.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "answer");
        assert_eq!(running.await.unwrap(), Ended::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn what_flows_either_way_keeps_it_and_silence_ends_it() {
        let idle = Duration::from_secs(60);
        let (client, near) = duplex(64);
        let (mut target, far) = duplex(64);
        let start = Instant::now();
        let running = tokio::spawn(async move { relay(near, far, &lane(idle)).await });
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_secs(50)).await;
            target.write_all(b"media").await.unwrap();
        }
        assert_eq!(running.await.unwrap(), Ended::Idle);
        let lived = start.elapsed();
        let silence = lived.checked_sub(Duration::from_secs(3 * 50)).unwrap();
        assert!(
            silence.abs_diff(idle) <= Duration::from_secs(1),
            "{lived:?}"
        );
        drop(client);
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_read_holds_up_only_itself() {
        let (client, near) = duplex(64);
        let (mut target, far) = duplex(64);
        let running =
            tokio::spawn(async move { relay(near, far, &lane(Duration::from_secs(60))).await });
        // The client reads nothing: what the target may write is bounded.
        let mut written = 0;
        let flood = vec![0; 1_024];
        while let Ok(Ok(())) =
            tokio::time::timeout(Duration::from_secs(1), target.write_all(&flood)).await
        {
            written += flood.len();
            assert!(written <= 4 * PIECE, "it is held somewhere");
        }
        assert_eq!(running.await.unwrap(), Ended::Idle);
        drop(client);
    }

    #[tokio::test]
    async fn a_stop_ends_it() {
        let (_client, near) = duplex(64);
        let (_target, far) = duplex(64);
        let lane = lane(Duration::from_secs(60));
        lane.stop.cancel();
        assert_eq!(relay(near, far, &lane).await, Ended::Stopped);
    }
}
