//! What a client wants to reach: `HOST:PORT`, as in the request line of a CONNECT.
//!
//! Read strictly. There is one way to write each target but for the letters' case and the
//! spellings of an IPv6 address, so what is looked up among the registered targets is what is
//! connected to. Nothing is decoded, trimmed or completed.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU16;

/// Longest DNS name in bytes (RFC 1035 section 2.3.4), without the last dot.
const NAME_BYTES: usize = 253;
/// Longest label of one.
const LABEL_BYTES: usize = 63;
/// Longest target: a name, a colon, a port.
const TARGET_BYTES: usize = NAME_BYTES + 6;
/// Where HTTPS is unless said otherwise.
const HTTPS: NonZeroU16 = NonZeroU16::new(443).expect("not 0");

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    host: Host,
    port: NonZeroU16,
}

/// The host of a target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// An address; an IPv4 one is never written as IPv6.
    Address(IpAddr),
    /// A DNS name in small letters, which looks like no address.
    Name(String),
}

/// Why a text is no target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    /// Longer than any host and port.
    #[error("a target has at most {TARGET_BYTES} bytes")]
    TooLong,
    /// No port, or two.
    #[error("write HOST:PORT, an IPv6 address as [ADDRESS]:PORT")]
    Form,
    /// The port is not written as a number from 1 to 65535.
    #[error("a port is a number from 1 to 65535 without leading zeros")]
    Port,
    /// Between brackets there is no IPv6 address, or one that stands for another.
    #[error(
        "between brackets comes an IPv6 address, without zone and not of the kind ::ffff:a.b.c.d"
    )]
    Address,
    /// Neither an IPv4 address nor a name.
    #[error(
        "a host is an IPv4 address of four decimal numbers, or a DNS name without a dot at its end"
    )]
    Name,
}

impl Target {
    /// Reads `HOST:PORT` or `[IPV6]:PORT`, and nothing besides: no user, no path, no zone.
    pub fn parse(text: &str) -> Result<Self, BadTarget> {
        if text.len() > TARGET_BYTES {
            return Err(BadTarget::TooLong);
        }
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (address, port) = rest.split_once("]:").ok_or(BadTarget::Form)?;
            (Host::ipv6(address)?, port)
        } else {
            let (host, port) = text.split_once(':').ok_or(BadTarget::Form)?;
            (Host::ipv4_or_name(host)?, port)
        };
        let port = read_port(port)?;
        Ok(Self { host, port })
    }

    /// Reads `https://HOST[:PORT]`, as controllers say where they are.
    pub fn of_origin(text: &str) -> Result<Self, BadTarget> {
        let host = text.strip_prefix("https://").ok_or(BadTarget::Form)?;
        let host = host.strip_suffix('/').unwrap_or(host);
        Self::parse(host).or_else(|bad| Self::parse(&format!("{host}:{HTTPS}")).map_err(|_| bad))
    }

    /// An address and a port; `None` for port 0. An IPv4 address in IPv6 is itself.
    #[must_use]
    pub fn of_address(address: IpAddr, port: u16) -> Option<Self> {
        Some(Self {
            host: Host::Address(address.to_canonical()),
            port: NonZeroU16::new(port)?,
        })
    }

    /// The host.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port.get()
    }
}

impl Host {
    fn ipv6(text: &str) -> Result<Self, BadTarget> {
        let address: Ipv6Addr = text.parse().map_err(|_| BadTarget::Address)?;
        match address.to_ipv4_mapped() {
            None => Ok(Self::Address(address.into())),
            Some(_) => Err(BadTarget::Address),
        }
    }

    fn ipv4_or_name(text: &str) -> Result<Self, BadTarget> {
        // Four decimal numbers without leading zeros, which others take for octal ones.
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Address(address.into()));
        }
        let labels_are_good = text.split('.').all(is_label);
        let last = text.rsplit('.').next().unwrap_or_default();
        if text.len() > NAME_BYTES || !labels_are_good || is_number(last) {
            return Err(BadTarget::Name);
        }
        Ok(Self::Name(text.to_ascii_lowercase()))
    }
}

/// RFC 1123 section 2.1. There is none in an empty name, or behind a dot at the end.
fn is_label(label: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=LABEL_BYTES).contains(&label.len())
        && label.bytes().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// A name that ends so is an IPv4 address to some: `1`, `0x7f.1`, `127.1`, `2130706433` (the
/// "ends in a number checker" of the WHATWG's URL standard).
fn is_number(label: &str) -> bool {
    let hexadecimal = label
        .get(..2)
        .is_some_and(|start| start.eq_ignore_ascii_case("0x"));
    hexadecimal || label.bytes().all(|byte| byte.is_ascii_digit())
}

fn read_port(text: &str) -> Result<NonZeroU16, BadTarget> {
    let digits = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|_| digits);
    port.ok_or(BadTarget::Port)
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Address(address) => SocketAddr::new(*address, self.port()).fmt(f),
            Host::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}
