//! A host and a port.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use rustls_pki_types::ServerName;

use super::RouteError;

/// Where a connection ends: a name or an address, and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    host: ServerName<'static>,
    port: u16,
}

impl Target {
    pub(crate) fn new(host: &str, port: u16) -> Result<Self, RouteError> {
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let host = ServerName::try_from(bare.unwrap_or(host).to_owned())
            .map_err(|_| RouteError::Request(format!("{host:?} is no host name and no address")))?;
        if port == 0 {
            return Err(RouteError::Request("there is no port 0".to_owned()));
        }
        Ok(Self { host, port })
    }

    pub(crate) const fn host(&self) -> &ServerName<'static> {
        &self.host
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// The address, if it is one.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match &self.host {
            ServerName::IpAddress(address) => {
                Some(SocketAddr::new(IpAddr::from(*address), self.port))
            }
            _ => None,
        }
    }
}

impl From<SocketAddr> for Target {
    fn from(address: SocketAddr) -> Self {
        Self {
            host: ServerName::from(address.ip()),
            port: address.port(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address() {
            Some(address) => address.fmt(f),
            None => write!(f, "{}:{}", self.host.to_str(), self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_of_both_families_are_written_as_in_an_authority() {
        for (host, written) in [
            ("proxy.example.org", "proxy.example.org:443"),
            ("my_proxy", "my_proxy:443"),
            ("192.0.2.1", "192.0.2.1:443"),
            ("2001:db8::1", "[2001:db8::1]:443"),
            ("[2001:db8::1]", "[2001:db8::1]:443"),
        ] {
            assert_eq!(Target::new(host, 443).unwrap().to_string(), written);
        }
    }

    #[test]
    fn what_is_no_host_is_not_dialled() {
        for host in [
            "",
            "a b",
            "a\r\nHost: b",
            "[::1",
            "user@host",
            "host:1",
            "*",
        ] {
            assert!(Target::new(host, 443).is_err(), "{host:?}");
        }
        assert!(Target::new("host", 0).is_err());
    }
}
