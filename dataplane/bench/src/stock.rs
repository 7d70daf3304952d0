//! What one writes in an afternoon: quinn and tokio, a task for each connection, a table of who
//! is in which meeting. Its QUIC settings are those of ours; one thread, as is best for it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::rc::Rc;

use anyhow::{Result, anyhow};
use plenum_transport::quic::{SEND_BUFFER, endpoint_config, server_config};
use plenum_transport::socket;
use plenum_transport::tls::Identity;
use plenum_wire::frame::{decode_datagram, encode_datagram};
use plenum_wire::rtp;
use quinn::{Connection, Endpoint, TokioRuntime};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio::task::LocalSet;

use crate::meetings::{Meetings, flows, person_of};

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
    let config = server_config(&identity, SEND_BUFFER)?;
    let runtime = std::sync::Arc::new(TokioRuntime);
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
