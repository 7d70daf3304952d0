//! Connecting to a target. A client's word only chooses among the registered targets: the
//! addresses of a name are looked up here.

use std::net::SocketAddr;
use std::time::Duration;

use plenum_transport::socket;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::allowed::{is_plausible, is_this_machine};
use crate::target::{Host, Target};

/// Addresses of one name that are tried, and how long each of them has.
const ADDRESSES: usize = 4;
const EACH: Duration = Duration::from_secs(1);

/// Why a target could not be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreached {
    /// It refused, or there is no way to it.
    Unreachable,
    /// It does not answer.
    Silent,
}

/// Connects within `patience`.
pub(crate) async fn reach(target: &Target, patience: Duration) -> Result<TcpStream, Unreached> {
    let connected = async {
        let addresses = addresses(target).await?;
        // The last one may take what is left.
        let (last, others) = addresses.split_last().ok_or(Unreached::Unreachable)?;
        for address in others {
            if let Ok(Ok(stream)) = timeout(EACH, connect(*address)).await {
                return Ok(stream);
            }
        }
        connect(*last).await
    };
    timeout(patience, connected)
        .await
        .unwrap_or(Err(Unreached::Silent))
}

async fn connect(address: SocketAddr) -> Result<TcpStream, Unreached> {
    let connected = async {
        let stream = TcpStream::connect(address).await?;
        socket::tune(&stream)?;
        Ok::<_, std::io::Error>(stream)
    };
    connected.await.map_err(|error| {
        tracing::debug!(%address, %error, "connecting to a target");
        match error.kind() {
            std::io::ErrorKind::TimedOut => Unreached::Silent,
            _ => Unreached::Unreachable,
        }
    })
}

async fn addresses(target: &Target) -> Result<Vec<SocketAddr>, Unreached> {
    let name = match target.host() {
        Host::Address(address) => return Ok(vec![SocketAddr::new(*address, target.port())]),
        Host::Name(name) => name.as_str(),
    };
    let found = lookup_host((name, target.port())).await.map_err(|error| {
        tracing::warn!(%target, %error, "looking up a target");
        Unreached::Unreachable
    })?;
    // Whoever answers for a name has no say over this machine and its neighbours. One that means
    // this machine is registered only where the zone is on it.
    let loopback = is_this_machine(name);
    let plausible = |found: &SocketAddr| is_plausible(found.ip(), loopback);
    Ok(found.filter(plausible).take(ADDRESSES).collect())
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use socket2::{Domain, Socket, Type};

    use super::*;

    const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

    fn target(address: SocketAddr) -> Target {
        Target::of_address(address.ip(), address.port()).unwrap()
    }

    #[tokio::test]
    async fn a_closed_port_refuses() {
        let closed = std::net::TcpListener::bind(LOOPBACK).unwrap();
        let target = target(closed.local_addr().unwrap());
        drop(closed);
        let reached = reach(&target, Duration::from_secs(20)).await;
        assert_eq!(reached.unwrap_err(), Unreached::Unreachable);
    }

    /// A listener whose queue is full leaves who comes without an answer.
    #[tokio::test]
    async fn who_does_not_answer_is_not_waited_for() {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&LOOPBACK.into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let queue: Vec<_> = (0..8)
            .map(|_| {
                let waiting = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
                waiting.set_nonblocking(true).unwrap();
                // It says that it goes on.
                let _ = waiting.connect(&address.into());
                waiting
            })
            .collect();
        let reached = reach(&target(address), Duration::from_millis(300)).await;
        assert_eq!(reached.unwrap_err(), Unreached::Silent);
        drop(queue);
    }

    #[tokio::test]
    async fn localhost_is_the_only_name_of_this_machine() {
        let listener = tokio::net::TcpListener::bind(LOOPBACK).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let target = Target::parse(&format!("localhost:{port}")).unwrap();
        assert!(reach(&target, Duration::from_secs(20)).await.is_ok());
        let found = [
            "127.0.0.1",
            "::1",
            "::ffff:127.0.0.1",
            "169.254.169.254",
            "fd00:ec2::254",
            "100.100.100.200",
            "168.63.129.16",
            "::ffff:192.0.0.192",
            "0.0.0.0",
        ];
        for address in found {
            assert!(!is_plausible(address.parse().unwrap(), false), "{address}");
        }
    }
}
