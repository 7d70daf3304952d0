//! Where a request comes from. Pure.

use std::net::IpAddr;

use axum::http::HeaderMap;
use ipnet::IpNet;

/// What proxies write there.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address of the client: that of the connection, or, where that is one of our own
/// proxies, what the proxy says. Of a list the last entry that is none of our proxies counts:
/// anybody may have written those before it.
pub fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let ours = |address: &IpAddr| proxies.iter().any(|network| network.contains(address));
    let peer = peer.to_canonical();
    if !ours(&peer) {
        return peer;
    }
    let entries: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let mut last = peer;
    for entry in entries.iter().rev() {
        // What cannot be read ends the chain: what stands before it proves nothing.
        let Some(address) = read(entry.trim()) else {
            break;
        };
        last = address;
        if !ours(&address) {
            break;
        }
    }
    last
}

/// Some proxies add the port.
fn read(entry: &str) -> Option<IpAddr> {
    let address: IpAddr = entry
        .parse()
        .or_else(|_| entry.parse::<std::net::SocketAddr>().map(|it| it.ip()))
        .ok()?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_believed() {
        let proxies: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        for (what, peer, forwarded, client_is) in [
            (
                "a stranger is not",
                "192.0.2.1",
                Some("203.0.113.9"),
                "192.0.2.1",
            ),
            (
                "our proxy is",
                "10.0.0.1",
                Some("203.0.113.9"),
                "203.0.113.9",
            ),
            (
                "of a list the last",
                "10.0.0.1",
                Some("1.1.1.1, 203.0.113.9"),
                "203.0.113.9",
            ),
            (
                "through two of ours",
                "10.0.0.1",
                Some("203.0.113.9, 10.0.0.2"),
                "203.0.113.9",
            ),
            ("a proxy that says nothing", "10.0.0.1", None, "10.0.0.1"),
            ("nonsense", "10.0.0.1", Some("203.0.113.9, x"), "10.0.0.1"),
            (
                "with a port",
                "10.0.0.1",
                Some("[2001:db8::1]:99"),
                "2001:db8::1",
            ),
            (
                "IPv4 in IPv6 clothes",
                "::ffff:10.0.0.1",
                Some("203.0.113.9"),
                "203.0.113.9",
            ),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(forwarded) = forwarded {
                headers.insert(FORWARDED_FOR, forwarded.parse().unwrap());
            }
            let client = client(peer.parse().unwrap(), &headers, &proxies);
            assert_eq!(client, client_is.parse::<IpAddr>().unwrap(), "{what}");
        }
    }
}
