//! Congestion control for media: a shell around [`Estimate`].
//!
//! QUIC's own controllers fill the path until it overflows and take any loss for that. Media
//! wants short queues, loses some packets anyway, and mostly sends less than the path carries. So
//! the window here only keeps a sender that does not listen to the estimate from harm: it is more
//! than the estimate fills, so that neither it nor the pacing derived from it (1.25 windows each
//! round trip) ever slows down what stays below.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn_proto::RttEstimator;
use quinn_proto::congestion::{Controller, ControllerFactory, ControllerMetrics};

use crate::estimate::{Delivered, Estimate};

/// Bytes until the path has shown a limit: the first key frame of a screen goes out in one
/// flight, not in ten.
const INITIAL_WINDOW: u64 = 64 * 1_200;
/// Packets in the smallest window thereafter: RFC 9002 section 7.2 begins with as many.
const SMALLEST: u64 = 10;
/// What acknowledgements (25 ms) and threads may take longer than the path.
const SLACK: Duration = Duration::from_millis(100);

/// Makes [`Media`] controllers.
#[derive(Debug, Default)]
pub(super) struct MediaConfig;

impl ControllerFactory for MediaConfig {
    fn build(self: Arc<Self>, _: Instant, mtu: u16) -> Box<dyn Controller> {
        Box::new(Media::new(mtu))
    }
}

/// Controls one connection. [`ControllerMetrics::pacing_rate`] is the estimate, and there is a
/// [`ControllerMetrics::ssthresh`] once the path has shown a limit.
#[derive(Debug, Clone)]
struct Media {
    estimate: Estimate,
    /// Of the acknowledgement that is being read.
    batch: Option<Delivered>,
    round_trip: Duration,
    mtu: u64,
}

impl Media {
    fn new(mtu: u16) -> Self {
        Self {
            estimate: Estimate::new(),
            batch: None,
            round_trip: SLACK,
            mtu: mtu.into(),
        }
    }
}

impl Controller for Media {
    fn on_ack(
        &mut self,
        _: Instant,
        sent: Instant,
        bytes: u64,
        _: bool,
        round_trip: &RttEstimator,
    ) {
        self.round_trip = round_trip.get();
        let batch = self.batch.get_or_insert(Delivered {
            sent,
            bytes: 0,
            packets: 0,
        });
        batch.sent = batch.sent.max(sent);
        batch.bytes += bytes;
        batch.packets += 1;
    }

    fn on_end_acks(&mut self, now: Instant, _: u64, _: bool, _: Option<u64>) {
        if let Some(delivered) = self.batch.take() {
            self.estimate.handle_delivered(delivered, now);
        }
    }

    /// Called once for all packets that are found to be lost together. When nothing at all comes
    /// through for a while ("persistent congestion") that is as much loss as any other.
    fn on_congestion_event(&mut self, now: Instant, sent: Instant, _: bool, lost_bytes: u64) {
        if lost_bytes == 0 {
            self.estimate.handle_marked(sent, now);
        } else {
            self.estimate.handle_lost(lost_bytes, now);
        }
    }

    fn on_mtu_update(&mut self, mtu: u16) {
        self.mtu = mtu.into();
    }

    fn window(&self) -> u64 {
        let time = self.round_trip + SLACK;
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let bits = u128::from(self.estimate.bits_per_s()) * u128::from(micros) / 1_000_000;
        let flight = u64::try_from(bits * 3 / 2 / 8).unwrap_or(u64::MAX);
        let smallest = if self.estimate.has_met_a_limit() {
            SMALLEST * self.mtu
        } else {
            INITIAL_WINDOW
        };
        flight.max(smallest)
    }

    fn metrics(&self) -> ControllerMetrics {
        let mut metrics = ControllerMetrics::default();
        metrics.congestion_window = self.window();
        metrics.pacing_rate = Some(self.estimate.bits_per_s());
        metrics.ssthresh = self.estimate.has_met_a_limit().then(|| self.window());
        metrics
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }

    fn initial_window(&self) -> u64 {
        INITIAL_WINDOW
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What came through at 8 Mbit/s, 50 ms after it was sent; lost packets after it.
    fn after(seconds: u32, lost: u64) -> (Media, Instant) {
        let start = Instant::now();
        let mut media = Media::new(1_452);
        for number in 1..seconds * 40 {
            let now = start + Duration::from_millis(25) * number;
            let sent = now.checked_sub(Duration::from_millis(50));
            media.batch = sent.map(|sent| Delivered {
                sent,
                bytes: 25_000,
                packets: 20,
            });
            media.on_end_acks(now, 0, true, None);
        }
        let now = start + Duration::from_secs(seconds.into());
        if lost > 0 {
            media.on_congestion_event(now, now, false, lost);
        }
        (media, now)
    }

    #[test]
    fn the_window_is_more_than_the_estimate_fills() {
        let (media, _) = after(10, 0);
        let metrics = media.metrics();
        let bits = metrics.pacing_rate.unwrap_or(0);
        assert!((8_000_000..13_000_000).contains(&bits), "{bits}");
        // 50 ms of it are on the way, and 25 ms more wait to be acknowledged.
        assert!(
            media.window() > 2 * bits * 75 / 1_000 / 8,
            "{}",
            media.window()
        );
        assert_eq!(metrics.congestion_window, media.window());
    }

    #[test]
    fn until_a_limit_is_met_a_whole_picture_goes_out_at_once() {
        let mut media = Media::new(1_452);
        assert_eq!(media.window(), INITIAL_WINDOW);
        let now = Instant::now();
        for _ in 0..100 {
            media.on_congestion_event(now, now, true, 40 * 1_200);
        }
        assert!(media.window() < INITIAL_WINDOW);
        assert!(media.window() >= SMALLEST * 1_452);
    }
}
