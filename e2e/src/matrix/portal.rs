//! A captive portal, as hotels have: whatever is asked for, it answers with its own page, and
//! with a certificate that nobody trusts.

use std::io::{self, Read, Write};
use std::net::{Ipv6Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, Stream};

/// Where the firewall sends everything.
pub const PORT: u16 = 8444;
/// To be added to the firewall: all of TCP goes to the portal, and nothing gets out.
pub const CAPTURE: &str = "-t nat -A PREROUTING -i office -p tcp -j REDIRECT --to-ports 8444";
/// What a TLS connection begins with (RFC 8446 section 5.1).
const HANDSHAKE: u8 = 22;
const PAGE: &str = "<html><body>Welcome to our hotel. Please accept our terms.</body></html>";
/// How long one visitor may take.
const VISIT: Duration = Duration::from_secs(5);
const REQUEST_BYTES: usize = 16 << 10;

/// Answers until it fails.
pub fn run() -> Result<()> {
    let certified = rcgen::generate_simple_self_signed(vec!["portal.hotel.test".to_owned()])?;
    let key = PrivateKeyDer::Pkcs8(certified.signing_key.serialize_der().into());
    let tls = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.into()], key)?;
    let tls = Arc::new(tls);
    let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, PORT))?;
    for visitor in listener.incoming() {
        let (visitor, tls) = (visitor?, Arc::clone(&tls));
        thread::spawn(move || {
            if let Err(error) = answer(visitor, tls) {
                eprintln!("a visitor left: {error}");
            }
        });
    }
    Ok(())
}

fn answer(mut visitor: TcpStream, tls: Arc<ServerConfig>) -> io::Result<()> {
    visitor.set_read_timeout(Some(VISIT))?;
    visitor.set_write_timeout(Some(VISIT))?;
    let mut first = [0];
    visitor.peek(&mut first)?;
    if first[0] == HANDSHAKE {
        let mut connection = ServerConnection::new(tls).map_err(io::Error::other)?;
        welcome(&mut Stream::new(&mut connection, &mut visitor))
    } else {
        welcome(&mut visitor)
    }
}

fn welcome(visitor: &mut (impl Read + Write)) -> io::Result<()> {
    let mut request: Vec<u8> = Vec::new();
    let mut buffer = [0; 1_024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let length = visitor.read(&mut buffer)?;
        if length == 0 || request.len() > REQUEST_BYTES {
            return Ok(());
        }
        request.extend(&buffer[..length]);
    }
    let length = PAGE.len();
    write!(
        visitor,
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{PAGE}"
    )?;
    visitor.flush()
}
