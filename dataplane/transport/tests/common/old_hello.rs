//! How a client of an older TLS begins, byte by byte: our own can say no such thing.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// TLS 1.2 (RFC 5246), and what was before it.
pub const VERSIONS: [[u8; 2]; 4] = [[3, 0], [3, 1], [3, 2], [3, 3]];
/// A fatal alert that says "protocol version" (RFC 8446 section 6.2).
const PROTOCOL_VERSION: [u8; 2] = [2, 70];

/// A client hello that offers this version and nothing newer.
fn hello(version: [u8; 2]) -> Vec<u8> {
    let ciphers = [0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x13, 0x00, 0x2f];
    let extensions = [
        // Groups: x25519, P-256. Points: uncompressed. Signatures: of P-256, RSA.
        &[0, 10, 0, 6, 0, 4, 0, 29, 0, 23][..],
        &[0, 11, 0, 2, 1, 0],
        &[0, 13, 0, 8, 0, 6, 4, 3, 8, 4, 4, 1],
        // Extended master secret (RFC 7627).
        &[0, 23, 0, 0],
    ]
    .concat();
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).expect("short").to_be_bytes();
    let body = [
        &version[..],
        &[7; 32],
        // No session; ciphers; no compression.
        &[0],
        &length(&ciphers),
        &ciphers,
        &[1, 0],
        &length(&extensions),
        &extensions,
    ]
    .concat();
    let handshake = [&[1, 0][..], &length(&body), &body].concat();
    [&[22, 3, 1][..], &length(&handshake), &handshake].concat()
}

/// What a server answers to a hello of this version until it closes the connection.
pub async fn answer(to: SocketAddr, version: [u8; 2]) -> Vec<u8> {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(&hello(version)).await.unwrap();
    let mut answer = Vec::new();
    // It may reset the connection behind its alert.
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

/// Fails unless the server says that it speaks no such version.
pub async fn is_refused(to: SocketAddr) {
    for version in VERSIONS {
        let answer = answer(to, version).await;
        let alert = [
            &[21, 3][..],
            answer.get(2..3).unwrap_or_default(),
            &[0, 2],
            &PROTOCOL_VERSION,
        ];
        assert_eq!(answer, alert.concat(), "{version:?} at {to}");
    }
}
