//! The first connection, to whichever address of a host answers first (RFC 8305).

use std::io;
use std::net::SocketAddr;

use rustls_pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::{ProxyProblem, RouteError, Stream, Target, race};
use crate::{HANDSHAKE_TIMEOUT, socket};

/// Addresses of one name that are tried.
const ADDRESSES: usize = 8;

/// Why there is no connection.
pub(super) enum Failure {
    UnknownName(String),
    Unreachable(io::Error),
    TimedOut,
}

impl Failure {
    /// As a failure of the direct way.
    pub(super) fn of(self, target: &Target) -> RouteError {
        let target = target.to_string();
        match self {
            Self::UnknownName(reason) => RouteError::UnknownName {
                host: target,
                reason,
            },
            Self::Unreachable(error) => RouteError::Unreachable {
                target,
                kind: error.kind(),
                reason: error.to_string(),
            },
            Self::TimedOut => RouteError::TimedOut { target },
        }
    }
}

impl From<Failure> for ProxyProblem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::UnknownName(reason) => Self::UnknownName(reason),
            Failure::Unreachable(error) => Self::Unreachable(error.to_string()),
            Failure::TimedOut => Self::TimedOut,
        }
    }
}

/// Connects within [`HANDSHAKE_TIMEOUT`], and tunes the connection for live media; `live` if that
/// is what goes there.
pub(super) async fn connect(target: &Target, live: bool) -> Result<Stream, Failure> {
    timeout(HANDSHAKE_TIMEOUT, async {
        let mut addresses = addresses(target).await?;
        // The first once more: a lost SYN costs a head start then, and not the second after
        // which the kernel sends it again.
        addresses.extend(addresses.first().copied());
        let none = Failure::UnknownName("it has no address".to_owned());
        race::first(&addresses, none, |address| async move {
            let stream = TcpStream::connect(address)
                .await
                .map_err(Failure::Unreachable)?;
            socket::tune(&stream).map_err(Failure::Unreachable)?;
            if live {
                socket::give_up_early(&stream).map_err(Failure::Unreachable)?;
            }
            Ok(stream.into())
        })
        .await
    })
    .await
    .unwrap_or(Err(Failure::TimedOut))
}

async fn addresses(target: &Target) -> Result<Vec<SocketAddr>, Failure> {
    if let Some(address) = target.address() {
        return Ok(vec![address]);
    }
    let name = match target.host() {
        ServerName::DnsName(name) => name.as_ref(),
        _ => return Ok(Vec::new()),
    };
    let found = lookup_host((name, target.port())).await;
    let found = found.map_err(|error| Failure::UnknownName(error.to_string()))?;
    Ok(alternate(found.collect()))
}

/// The resolver's order, with the address families taking turns (RFC 8305 section 4), and no
/// more than are worth trying.
fn alternate(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let preferred = found.first().map(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|address| Some(address.is_ipv6()) == preferred);
    let mut second = second.into_iter();
    let mut ordered = Vec::new();
    for address in first {
        ordered.push(address);
        ordered.extend(second.next());
    }
    ordered.extend(second);
    ordered.truncate(ADDRESSES);
    ordered
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn all(addresses: &[&str]) -> Vec<SocketAddr> {
        let parsed = addresses.iter().map(|address| address.parse().unwrap());
        parsed.collect()
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_dead_path_is_given_up_sooner_by_what_is_live() {
        let listener = socket::listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let target = Target::from(listener.local_addr().unwrap());
        let mut patience = Vec::new();
        for live in [true, false] {
            let Ok(stream) = connect(&target, live).await else {
                panic!("it listens");
            };
            let stream = socket2::SockRef::from(stream.tcp());
            patience.push(stream.tcp_user_timeout().unwrap().unwrap());
        }
        assert_eq!(patience, [2_500, 8_000].map(Duration::from_millis));
    }

    #[test]
    fn a_broken_family_costs_one_head_start_and_not_one_for_each_of_its_addresses() {
        let found = all(&["[::1]:1", "[::2]:1", "[::3]:1", "1.0.0.1:1"]);
        let tried = all(&["[::1]:1", "1.0.0.1:1", "[::2]:1", "[::3]:1"]);
        assert_eq!(alternate(found), tried);
        let found = all(&["1.0.0.1:1", "[::1]:1", "[::2]:1"]);
        assert_eq!(alternate(found.clone()), found);
        assert_eq!(alternate(vec![found[0]; 100]).len(), ADDRESSES);
        assert!(alternate(Vec::new()).is_empty());
    }
}
