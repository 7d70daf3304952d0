//! How large a packet may be on the way to a router, as far as the kernel knows.
//!
//! It knows the size of the first link, and what routers on the way have complained about
//! (RFC 1191), which QUIC's packets of the join before have provoked if anything could.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use nix::sys::socket::{getsockopt, sockopt};

use super::findings::{Finding, Health, Party, Subject};

/// Below that IPv6 does not work (RFC 8200 section 5), and media is cut into small pieces.
const LEAST: i32 = 1_280;

/// Looks it up; the kernel tells it for IPv4 only.
pub fn packet_size(router: IpAddr, port: u16) -> Finding {
    let target = SocketAddr::new(router, port);
    let finding =
        |health| Finding::new(Subject::PacketSize, Party::Here, router.to_string(), health);
    let IpAddr::V4(_) = router else {
        return finding(Health::Untried).saying("not to be told for IPv6");
    };
    let size = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
        socket.connect(target)?;
        Ok(getsockopt(&socket, sockopt::IpMtu)?)
    });
    match size {
        Ok(size) => judge(router, size),
        Err(error) => finding(Health::Untried).saying(error.to_string()),
    }
}

fn judge(router: IpAddr, size: i32) -> Finding {
    let health = if size < LEAST {
        Health::Odd
    } else {
        Health::Works
    };
    let finding = Finding::new(Subject::PacketSize, Party::Here, router.to_string(), health);
    finding.saying(format!(
        "packets of up to {size} bytes pass, as far as is known here"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_below_what_ipv6_needs_is_told() {
        let router = IpAddr::V4(Ipv4Addr::LOCALHOST);
        assert_eq!(judge(router, 1_500).health, Health::Works);
        assert_eq!(judge(router, 1_280).health, Health::Works);
        assert_eq!(judge(router, 1_279).health, Health::Odd);
    }

    #[test]
    fn the_loopback_interface_carries_large_packets() {
        let here = packet_size(IpAddr::V4(Ipv4Addr::LOCALHOST), 9);
        assert_eq!(here.health, Health::Works, "{here:?}");
    }
}
