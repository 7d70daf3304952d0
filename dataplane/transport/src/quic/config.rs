//! How QUIC is set up for media.

use std::sync::Arc;
use std::time::Duration;

use plenum_wire::frame::ROQ_ALPN;
use quinn::crypto::rustls::{NoInitialCipherSuite, QuicClientConfig, QuicServerConfig};
use quinn::{
    AckFrequencyConfig, EndpointConfig, IdleTimeout, MtuDiscoveryConfig, TransportConfig, VarInt,
};

use super::congestion::MediaConfig;
use crate::tls::{Identity, TlsError, server_config as tls_server_config};

/// The version of `RoQ` that the field's plugins speak; the datagrams are the same.
const OLDER_ROQ_ALPN: &[u8] = b"roq-12";

/// Fills an Ethernet packet: a 1,400-byte packet, its flow id and QUIC's own 32 bytes fit.
const MTU: u16 = 1_452;
/// Taken for granted: 1,280 bytes, which every path of IPv6 carries (RFC 8200 section 5), without
/// the headers of IPv6 and UDP. With a flow id and what QUIC adds, a packet of 1,186 bytes fits,
/// and ours have less. Larger ones may be found not to pass, and a path that is full looks as if
/// they did not: so they are tried again after [`TOO_LARGE`].
const LEAST_MTU: u16 = 1_280 - 40 - 8;
const TOO_LARGE: Duration = Duration::from_secs(5);
/// Well below what home routers forget a UDP mapping after (30 s and less).
const KEEP_ALIVE: Duration = Duration::from_secs(2);
/// A client has rejoined elsewhere long before.
const IDLE_MS: u32 = 8_000;
/// Bytes that wait for the congestion window where nothing but QUIC's own queue waits; the
/// oldest are dropped. 100 ms at 40 Mbit/s.
pub const SEND_BUFFER: usize = 512 * 1_024;
/// Where packets wait in a queue of ours, which knows how old they are: one flight.
pub(super) const SHORT_SEND_BUFFER: usize = 64 * 1_024;
/// Bytes received that nobody has read yet.
const RECEIVE_BUFFER: usize = 1 << 20;
/// Acknowledged together: measured to save a fifth of the CPU.
const ACKNOWLEDGE_EVERY: u32 = 20;
/// A packet that so many others overtook is lost (RFC 9002 section 6.1.1 has 3). Nothing is sent
/// again for it, so that being late with this costs nothing, and being wrong some estimate.
const OVERTAKEN: u32 = 32;
/// Handshakes that wait to be looked at, and the bytes they may bring along each and together.
const MAX_INCOMING: usize = 1_024;
const INCOMING_BYTES: u64 = 16 * 1_024;
const INCOMING_BYTES_TOTAL: u64 = 8 << 20;

fn transport(send_buffer: usize) -> Arc<TransportConfig> {
    let mut acknowledgements = AckFrequencyConfig::default();
    acknowledgements
        .ack_eliciting_threshold(VarInt::from_u32(ACKNOWLEDGE_EVERY))
        .reordering_threshold(VarInt::from_u32(OVERTAKEN));

    let mut sizes = MtuDiscoveryConfig::default();
    sizes.black_hole_cooldown(TOO_LARGE);

    let mut config = TransportConfig::default();
    config
        // Media goes in datagrams only. Streams cost memory even when nobody opens one.
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .initial_mtu(MTU)
        .min_mtu(LEAST_MTU)
        .mtu_discovery_config(Some(sizes))
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_MS))))
        .datagram_send_buffer_size(send_buffer)
        .datagram_receive_buffer_size(Some(RECEIVE_BUFFER))
        .ack_frequency_config(Some(acknowledgements))
        .packet_threshold(OVERTAKEN)
        .congestion_controller_factory(Arc::new(MediaConfig));
    Arc::new(config)
}

/// Without greasing of the fixed bit, by which QUIC is told from other protocols on the
/// same port (RFC 9443).
#[must_use]
pub fn endpoint_config() -> EndpointConfig {
    let mut config = EndpointConfig::default();
    config.grease_quic_bit(false);
    config
}

/// What a server of rung `udp` is set to. So many bytes wait in QUIC's own queue of a connection.
pub fn server_config(
    identity: &Identity,
    send_buffer: usize,
) -> Result<quinn::ServerConfig, TlsError> {
    let tls = tls_server_config(identity, None, &[ROQ_ALPN, OLDER_ROQ_ALPN])?;
    let tls = QuicServerConfig::try_from(tls).map_err(|error| unfit(&error))?;
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(tls));
    config
        .transport_config(transport(send_buffer))
        .max_incoming(MAX_INCOMING)
        .incoming_buffer_size(INCOMING_BYTES)
        .incoming_buffer_size_total(INCOMING_BYTES_TOTAL);
    Ok(config)
}

pub(crate) fn client_config(
    tls: Arc<rustls::ClientConfig>,
) -> Result<quinn::ClientConfig, TlsError> {
    let tls = QuicClientConfig::try_from(tls).map_err(|error| unfit(&error))?;
    let mut config = quinn::ClientConfig::new(Arc::new(tls));
    config.transport_config(transport(SEND_BUFFER));
    Ok(config)
}

fn unfit(error: &NoInitialCipherSuite) -> TlsError {
    TlsError::Settings(rustls::Error::General(error.to_string()))
}
