//! What is there at once leaves at once: packets of one destination share a system call.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use plenum_wire::FlowId;
use quinn_proto::{ConnectionHandle, DatagramEvent, Endpoint};

use super::*;
use crate::quic::config;
use crate::quic::steer::CoreNumber;
use crate::tls::{self, Identity, Trust};

const ROUTER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 8801);
const VIEWER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)), 50_000);
/// One way.
const PATH: Duration = Duration::from_millis(5);
/// As the socket has it.
const SEGMENTS: usize = 32;

/// An end of a path, without a socket.
struct End {
    address: SocketAddr,
    endpoint: Endpoint,
    connection: Option<(ConnectionHandle, Connection)>,
}

impl End {
    /// All datagrams that it has to send.
    fn take(&mut self, now: Instant) -> Vec<BytesMut> {
        let Some((handle, connection)) = &mut self.connection else {
            return Vec::new();
        };
        while let Some(event) = connection.poll_endpoint_events() {
            if let Some(answer) = self.endpoint.handle_event(*handle, event) {
                connection.handle_event(answer);
            }
        }
        let mut all = Vec::new();
        let mut buffer = Vec::new();
        while let Some(transmit) = connection.poll_transmit(now, 1, &mut buffer) {
            all.push(BytesMut::from(&buffer[..transmit.size]));
            buffer.clear();
        }
        all
    }

    fn handle(&mut self, from: SocketAddr, datagram: BytesMut, now: Instant) {
        let mut buffer = Vec::new();
        let event = self
            .endpoint
            .handle(now, from, None, None, datagram, &mut buffer);
        match event {
            Some(DatagramEvent::NewConnection(incoming)) => {
                let accepted = self.endpoint.accept(incoming, now, &mut buffer, None);
                self.connection = Some(accepted.unwrap());
            }
            Some(DatagramEvent::ConnectionEvent(_, event)) => {
                let (_, connection) = self.connection.as_mut().unwrap();
                connection.handle_event(event);
            }
            Some(DatagramEvent::Response(_)) => panic!("refused"),
            None => {}
        }
    }
}

fn ends(now: Instant) -> [End; 2] {
    let identity = Identity::self_signed(&["router".to_owned()]).unwrap();
    let server = config::server_config(&identity, config::SHORT_SEND_BUFFER).unwrap();
    let trust = Trust::Pinned(identity.fingerprint());
    let tls = tls::client_config(&trust, None, &[plenum_wire::frame::ROQ_ALPN]).unwrap();
    let client = config::client_config(tls).unwrap();
    let endpoint = |server| Endpoint::new(Arc::new(config::endpoint_config()), server, true, None);
    let router = End {
        address: ROUTER,
        endpoint: endpoint(Some(Arc::new(server))),
        connection: None,
    };
    let mut dialling = endpoint(None);
    let viewer = End {
        address: VIEWER,
        connection: Some(dialling.connect(now, client, ROUTER, "router").unwrap()),
        endpoint: dialling,
    };
    [router, viewer]
}

/// A router's connection to a viewer, with nothing left to say of the handshake. The time then.
fn connected() -> (Peer, Instant) {
    let mut now = Instant::now();
    let mut ends = ends(now);
    let mut idle = 0;
    while idle < 2 {
        idle += 1;
        for to in [0, 1] {
            let from = ends[1 - to].address;
            for datagram in ends[1 - to].take(now) {
                idle = 0;
                ends[to].handle(from, datagram, now + PATH);
            }
            now += PATH;
        }
    }
    let [router, _] = ends;
    let (_, connection) = router.connection.unwrap();
    assert!(!connection.is_handshaking());
    let id = ConnectionId::on_core(CoreNumber(0), 0, 1);
    (Peer::new(id, connection, true, now), now)
}

fn push(peer: &mut Peer, packets: usize, now: Instant) {
    for _ in 0..packets {
        let outbound = Outbound {
            flow: FlowId::from_random(1),
            packet: Bytes::from(vec![7; 1_200]),
            rewrite: None,
        };
        peer.push(outbound, now);
    }
}

/// What a flush sends: datagrams by system call.
fn flush(peer: &mut Peer, now: Instant) -> Vec<usize> {
    let mut calls = Vec::new();
    let (mut arena, mut buffer) = (BytesMut::new(), Vec::new());
    loop {
        peer.fill(&mut arena, now);
        buffer.clear();
        let transmit = peer.connection.poll_transmit(now, SEGMENTS, &mut buffer);
        let Some(transmit) = transmit else { break };
        let one = transmit.segment_size.unwrap_or(transmit.size);
        calls.push(transmit.size.div_ceil(one));
    }
    peer.has_sent();
    calls
}

#[test]
fn a_burst_leaves_by_one_call_and_so_does_the_next() {
    let (mut peer, mut now) = connected();
    for _ in 0..4 {
        push(&mut peer, 8, now);
        assert_eq!(flush(&mut peer, now), [8]);
        now += Duration::from_millis(10);
    }
}

#[test]
fn on_a_path_that_takes_no_more_next_to_nothing_waits_where_it_cannot_be_dropped() {
    let (mut peer, now) = connected();
    // More than the first flight has room for.
    push(&mut peer, 100, now);
    let flight: usize = flush(&mut peer, now).iter().sum();
    assert!((10..100).contains(&flight), "{flight}");
    assert!(peer.in_quic() <= FLOWING, "{}", peer.in_quic());
    // The rest can still grow too old.
    assert!(peer.waiting.len() >= 80 - flight, "{}", peer.waiting.len());
}
