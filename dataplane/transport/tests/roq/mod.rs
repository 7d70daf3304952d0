//! An `RTP` over `QUIC` peer, written from draft-ietf-avtcore-rtp-over-quic-14, RFC 9000 and
//! RFC 3550, that shares nothing with Plenum but quinn: what it writes is not what our own
//! code would have written, and what it reads is not what our own code would have read.
//!
//! Errors are panics: it is a peer of tests.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{Connection, ConnectionError, Endpoint, SendStream};

mod pin;

/// The draft's names of its versions in ALPN.
pub const ALPN: &str = "roq-14";
pub const OLDER_ALPN: &str = "roq-12";

/// Error codes of the draft.
pub const NO_ERROR: u64 = 0;
pub const PACKET_ERROR: u64 = 3;
pub const UNKNOWN_FLOW_ID: u64 = 6;

/// A QUIC variable-length integer (RFC 9000, section 16) in this many bytes: 1, 2, 4 or 8.
pub fn varint_in(length: usize, value: u64) -> Vec<u8> {
    let prefix = u64::from(length.ilog2()) << (8 * length - 2);
    let bytes = (prefix | value).to_be_bytes();
    bytes[8 - length..].to_vec()
}

/// The same in as few bytes as hold it.
pub fn varint(value: u64) -> Vec<u8> {
    let fits = |length: &usize| value < 1 << (8 * length - 2);
    let length = [1, 2, 4, 8].into_iter().find(fits);
    varint_in(length.expect("below 2^62"), value)
}

/// An integer and what follows it.
pub fn read_varint(bytes: &[u8]) -> (u64, &[u8]) {
    let (number, rest) = bytes.split_at(1 << (bytes[0] >> 6));
    let mut whole = [0; 8];
    whole[8 - number.len()..].copy_from_slice(number);
    let bits = 8 * number.len() - 2;
    (u64::from_be_bytes(whole) & ((1 << bits) - 1), rest)
}

/// Datagram: flow id, packet.
pub fn datagram(flow: u64, packet: &[u8]) -> Vec<u8> {
    [&varint(flow), packet].concat()
}

/// Unidirectional stream: flow id, then each packet after its length.
pub fn stream(flow: u64, packets: &[&[u8]]) -> Vec<u8> {
    let mut bytes = varint(flow);
    for packet in packets {
        bytes.extend(varint(packet.len() as u64));
        bytes.extend_from_slice(packet);
    }
    bytes
}

/// What a whole stream says.
pub fn read_stream(bytes: &[u8]) -> (u64, Vec<&[u8]>) {
    let (flow, mut rest) = read_varint(bytes);
    let mut packets = Vec::new();
    while !rest.is_empty() {
        let (length, after) = read_varint(rest);
        let length = usize::try_from(length).expect("short");
        let (packet, after) = after.split_at(length);
        packets.push(packet);
        rest = after;
    }
    (flow, packets)
}

/// An RTP packet (RFC 3550, section 5.1) of payload type 111.
pub fn rtp(sequence: u16, ssrc: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 111];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 960).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend_from_slice(payload);
    packet
}

/// An RTCP sender report (RFC 3550, section 6.4.1) without report blocks.
pub fn sender_report(ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 200, 0, 6];
    packet.extend(ssrc.to_be_bytes());
    // NTP time, RTP time, packets, bytes.
    packet.extend([0; 20]);
    packet
}

/// One endpoint of the peer: a socket, any number of connections.
pub struct Peer(Endpoint);

impl Peer {
    pub fn new() -> Self {
        Self(Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap())
    }

    /// Connects to a server that proves itself by a certificate with this SHA-256.
    pub async fn connect(
        &self,
        server: SocketAddr,
        sha256: [u8; 32],
        alpn: &str,
    ) -> Result<Session, ConnectionError> {
        let tls = QuicClientConfig::try_from(pin::client(sha256, alpn)).unwrap();
        let config = quinn::ClientConfig::new(Arc::new(tls));
        let connecting = self.0.connect_with(config, server, "router").unwrap();
        connecting.await.map(Session)
    }
}

/// One connection.
pub struct Session(Connection);

impl Session {
    pub fn send(&self, flow: u64, packet: &[u8]) {
        self.send_bytes(datagram(flow, packet));
    }

    /// A datagram that may be none of the draft's.
    pub fn send_bytes(&self, datagram: Vec<u8>) {
        self.0.send_datagram(Bytes::from(datagram)).unwrap();
    }

    /// The next datagram, flow id and packet.
    pub async fn receive(&self) -> (u64, Vec<u8>) {
        let datagram = self.receive_bytes().await;
        let (flow, packet) = read_varint(&datagram);
        (flow, packet.to_vec())
    }

    pub async fn receive_bytes(&self) -> Bytes {
        self.0.read_datagram().await.expect("the connection stays")
    }

    /// A unidirectional stream, as soon as the server allows one.
    pub async fn open_stream(&self) -> SendStream {
        self.0.open_uni().await.expect("the connection stays")
    }

    pub fn close(&self) {
        self.0.close(0_u32.into(), b"");
    }

    /// The error code with which the server closes the connection.
    pub async fn closed(&self) -> u64 {
        match self.0.closed().await {
            ConnectionError::ApplicationClosed(close) => close.error_code.into_inner(),
            other => panic!("not closed by the server: {other}"),
        }
    }

    pub fn is_open(&self) -> bool {
        self.0.close_reason().is_none()
    }
}
