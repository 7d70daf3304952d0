//! The life of one media connection, whatever the rung.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use plenum_wire::Rung;
use plenum_wire::frame::close;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::streams::{Outlet, Shared};
use super::{Carrier, ConnectionId, End, Event, Reader};

/// Looking this often, and only for whether anything came since, costs no clock per packet.
const LOOK: Duration = Duration::from_secs(4);
/// Looks without a packet before the connection is given up. Clients send one every second.
const QUIET_LOOKS: u32 = 2;

/// Passes packets on until the connection or the server ends.
pub(super) async fn carry(
    shared: &Shared,
    outlet: Outlet,
    rung: Rung,
    peer: SocketAddr,
    carrier: Carrier,
    reader: Reader,
) {
    let counts = shared.counts.of(rung);
    let connection = shared.add(rung, carrier.clone());
    counts.opened.add(1);
    let opened = Event::Opened {
        connection,
        rung,
        peer,
    };
    let (code, reason) = match outlet.send(opened).await {
        Ok(()) => packets(shared, &outlet, (rung, connection), &carrier, reader).await,
        Err(_) => (close::NONE, String::new()),
    };
    tracing::debug!(%rung, %peer, code, %reason, "media connection ends");
    carrier.close(code, &reason);
    shared.remove(connection);
    counts.closed.add(1);
    // Nobody reads any more: nobody to tell.
    let _ = outlet.send(Event::Closed { connection }).await;
}

/// The code and reason to close with; one that was closed already keeps its own.
async fn packets(
    shared: &Shared,
    outlet: &Outlet,
    (rung, connection): (Rung, ConnectionId),
    carrier: &Carrier,
    mut reader: Reader,
) -> (u32, String) {
    let counts = shared.counts.of(rung);
    let mut stopped = pin!(shared.stop.cancelled());
    let mut looks = interval_at(Instant::now() + LOOK, LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut quiet = 0;
    loop {
        let next = tokio::select! {
            next = reader.next() => next,
            bits_per_s = carrier.news() => {
                let news = Event::Estimate { connection, bits_per_s };
                // With events waiting, the next change will tell.
                let _ = outlet.try_send(news);
                continue;
            }
            () = &mut stopped => return (close::NONE, "the router stops".to_owned()),
            _ = looks.tick() => {
                quiet += 1;
                if quiet > QUIET_LOOKS {
                    return (close::GENERAL, "nothing was sent for 8 s".to_owned());
                }
                continue;
            }
        };
        let (flow, packet) = match next {
            Ok(next) => next,
            Err(End::Closed) => return (close::NONE, String::new()),
            Err(End::Garbage(reason)) => {
                counts.garbage.add(1);
                return (close::PACKET, reason);
            }
        };
        quiet = 0;
        counts.packets_in.add(1);
        let event = Event::Packet {
            connection,
            flow,
            packet,
        };
        match outlet.try_send(event) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => counts.dropped_in.add(1),
            Err(TrySendError::Closed(_)) => return (close::NONE, String::new()),
        }
    }
}
