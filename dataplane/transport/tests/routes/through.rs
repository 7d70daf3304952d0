//! Ways that lead somewhere.

use std::net::Ipv6Addr;

use plenum_transport::tls::Trust;

use super::*;
use crate::common::{Authority, within};

#[tokio::test]
async fn the_direct_way_takes_addresses_and_names() {
    within(async {
        let target = local_echo().await;
        let route = Route::direct();
        assert!(route.is_direct());
        for host in ["127.0.0.1", "localhost"] {
            echoes(route.connect(host, target.port()).await.unwrap()).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_proxy_carries_every_byte_both_ways() {
    within(async {
        let (target, proxy) = (local_echo().await, proxy(ProxyRules::default()).await);
        let route = via(hop(&proxy));
        assert!(!route.is_direct());
        let stream = route.connect("127.0.0.1", target.port()).await.unwrap();
        echoes(stream).await;
        assert_eq!(proxy.asked(), [target.to_string()]);
    })
    .await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn media_waits_longer_for_the_path_to_a_proxy_than_for_that_to_the_router() {
    within(async {
        let (target, proxy) = (local_echo().await, proxy(ProxyRules::default()).await);
        let mut patience = Vec::new();
        for route in [Route::direct(), via(hop(&proxy))] {
            let stream = route.live().connect("127.0.0.1", target.port()).await;
            let stream = stream.unwrap();
            let socket = socket2::SockRef::from(stream.tcp());
            patience.push(socket.tcp_user_timeout().unwrap().unwrap().as_millis());
        }
        assert_eq!(patience, [2_500, 8_000]);
    })
    .await;
}

#[tokio::test]
async fn the_proxy_resolves_the_names() {
    within(async {
        let target = local_echo().await;
        let rules = ProxyRules {
            names: [("only.the.proxy.knows".to_owned(), target.ip())].into(),
            ..ProxyRules::default()
        };
        let proxy = proxy(rules).await;
        let route = via(hop(&proxy));
        let stream = route.connect("only.the.proxy.knows", target.port()).await;
        echoes(stream.unwrap()).await;
    })
    .await;
}

#[tokio::test]
async fn addresses_of_ipv6_go_in_brackets() {
    // Not every machine has it.
    if std::net::UdpSocket::bind("[::1]:0").is_err() {
        return;
    }
    within(async {
        let target = echo(Ipv6Addr::LOCALHOST.into()).await;
        let proxy = proxy(ProxyRules::default()).await;
        for host in ["::1", "[::1]"] {
            let stream = via(hop(&proxy)).connect(host, target.port()).await;
            echoes(stream.unwrap()).await;
        }
        let asked = format!("[::1]:{}", target.port());
        assert_eq!(proxy.asked(), [asked.clone(), asked]);
    })
    .await;
}

#[tokio::test]
async fn the_right_password_opens() {
    within(async {
        let (target, proxy) = (local_echo().await, proxy(behind(PROOF)).await);
        let hop = hop(&proxy).with(&aladdin("open sesame")).unwrap();
        let stream = via(hop).connect("127.0.0.1", target.port()).await;
        echoes(stream.unwrap()).await;
    })
    .await;
}

#[tokio::test]
async fn a_tunnel_behind_a_companys_proxy_is_reached_through_it() {
    within(async {
        let authority = Authority::new();
        let target = local_echo().await;
        let outer = proxy(behind(PROOF)).await;
        let identity = authority.issue("localhost", None);
        let inner = tls_proxy(behind("Bearer token"), &identity).await;
        let bearer = Credentials::Bearer("token".to_owned());
        let trust = authority.trust();
        let tunnel = Hop::tls("localhost", inner.address().port(), &trust).unwrap();
        let company = hop(&outer).with(&aladdin("open sesame")).unwrap();
        let route = via(company).then(tunnel.with(&bearer).unwrap());
        assert_eq!(route.hops().len(), 2);
        let stream = route.connect("127.0.0.1", target.port()).await;
        echoes(stream.unwrap()).await;
        // Each sees where it is to connect to, and nothing behind that.
        let tunnel = format!("localhost:{}", inner.address().port());
        assert_eq!(outer.asked(), [tunnel]);
        assert_eq!(inner.asked(), [target.to_string()]);
    })
    .await;
}

#[tokio::test]
async fn tls_goes_in_tls_in_tls() {
    within(async {
        let identity = Identity::self_signed(&["proxy".to_owned()]).unwrap();
        let trust = Trust::Pinned(identity.fingerprint());
        let target = local_echo().await;
        let mut hops = Vec::new();
        let mut proxies = Vec::new();
        for _ in 0..3 {
            let proxy = tls_proxy(ProxyRules::default(), &identity).await;
            let port = proxy.address().port();
            hops.push(Hop::tls("127.0.0.1", port, &trust).unwrap());
            proxies.push(proxy);
        }
        let route = Route::through(hops);
        let stream = route.connect("127.0.0.1", target.port()).await.unwrap();
        assert_eq!(stream.tcp().peer_addr().unwrap(), proxies[0].address());
        echoes(stream).await;
    })
    .await;
}
