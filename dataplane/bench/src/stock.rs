//! What one writes in an afternoon: quinn and tokio, a task for each connection, a table of who
//! is in which meeting. It is tuned as far as quinn's settings go: one thread, as is best for it,
//! full-size packets from the start, rare acknowledgements, no memory for streams.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use plenum_transport::quic::{endpoint_config, server_config};
use plenum_transport::socket;
use plenum_transport::tls::Identity;
use plenum_wire::frame::{decode_datagram, encode_datagram};
use plenum_wire::rtp;
use quinn::congestion::CubicConfig;
use quinn::{
    AckFrequencyConfig, Connection, Endpoint, IdleTimeout, TokioRuntime, TransportConfig, VarInt,
};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio::task::LocalSet;

use crate::meetings::{Meetings, flows, person_of};

/// Bytes that wait for the congestion window; the oldest are dropped.
const SEND_BUFFER: usize = 512 * 1_024;
/// Fills an Ethernet packet.
const MTU: u16 = 1_452;
/// Acknowledged together: measured to save a fifth of the CPU.
const ACKNOWLEDGE_EVERY: u32 = 20;
const INITIAL_WINDOW: u64 = 64 * 1_200;
const IDLE_MS: u32 = 8_000;

/// What a server prints when it is ready.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ready {
    /// Where it listens.
    pub server: SocketAddr,
    /// The certificate that clients pin.
    pub fingerprint: String,
}

/// Tells where a server is.
pub fn announce(server: SocketAddr, identity: &Identity) -> Result<()> {
    let ready = Ready {
        server,
        fingerprint: identity.fingerprint().to_string(),
    };
    println!("{}", serde_json::to_string(&ready)?);
    Ok(std::io::stdout().flush()?)
}

/// Who is here, by meeting.
type Table = Rc<RefCell<HashMap<u32, Vec<(u32, Connection)>>>>;

/// Serves until the standard input ends.
pub fn run(meetings: Meetings) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, serve(meetings))
}

async fn serve(meetings: Meetings) -> Result<()> {
    let identity = Identity::self_signed(&["bench".to_owned()])?;
    let udp = socket::udp("127.0.0.1:0".parse()?, false)?;
    let mut config = server_config(&identity, SEND_BUFFER)?;
    config.transport_config(Arc::new(settings()));
    let runtime = Arc::new(TokioRuntime);
    let endpoint = Endpoint::new(endpoint_config(), Some(config), udp, runtime)?;
    announce(endpoint.local_addr()?, &identity)?;
    let table = Table::default();
    let accept = async {
        while let Some(incoming) = endpoint.accept().await {
            tokio::task::spawn_local(forward(incoming, meetings, Rc::clone(&table)));
        }
    };
    let (tell, told) = oneshot::channel::<()>();
    when_input_ends(move || drop(tell));
    tokio::select! {
        () = accept => Err(anyhow!("the endpoint closed")),
        _ = told => Ok(()),
    }
}

/// Its own, so that what is done to ours does not change what ours is compared with.
fn settings() -> TransportConfig {
    let mut acknowledgements = AckFrequencyConfig::default();
    acknowledgements.ack_eliciting_threshold(VarInt::from_u32(ACKNOWLEDGE_EVERY));
    let mut congestion = CubicConfig::default();
    congestion.initial_window(INITIAL_WINDOW);
    let mut settings = TransportConfig::default();
    settings
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .initial_mtu(MTU)
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_MS))))
        .datagram_send_buffer_size(SEND_BUFFER)
        .ack_frequency_config(Some(acknowledgements))
        .congestion_controller_factory(Arc::new(congestion));
    settings
}

/// Who started a server closes its input to end it.
pub fn when_input_ends(act: impl FnOnce() + Send + 'static) {
    std::thread::spawn(move || {
        // An input that cannot be read is as good as ended.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        act();
    });
}

async fn forward(incoming: quinn::Incoming, meetings: Meetings, table: Table) {
    let Ok(connection) = incoming.await else {
        return;
    };
    let mut known = false;
    while let Ok(datagram) = connection.read_datagram().await {
        let Ok((flow, packet)) = decode_datagram(&datagram) else {
            return;
        };
        let Some(sender) = person_of(flow) else {
            return;
        };
        let meeting = meetings.meeting_of(sender);
        if !known {
            known = true;
            let mut table = table.borrow_mut();
            let members = table.entry(meeting).or_default();
            members.push((sender, connection.clone()));
        }
        if rtp::is_rtcp(packet) {
            continue;
        }
        if let Some(members) = table.borrow().get(&meeting) {
            for (receiver, connection) in members.iter().filter(|(person, _)| *person != sender) {
                let datagram = encode_datagram(flows(*receiver).video, packet);
                // One that is gone takes nothing.
                let _ = connection.send_datagram(datagram);
            }
        }
    }
}
