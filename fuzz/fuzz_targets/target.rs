//! What a client asks a tunnel for: read strictly, and nothing but the registered is reached.

#![no_main]

use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use plenum_tunnel::target::Host;
use plenum_tunnel::{Allowed, Target};
use plenum_wire::Fingerprint;
use plenum_wire::link::RouterTarget;

static ALLOWED: LazyLock<Allowed> = LazyLock::new(|| {
    let addresses = ["192.0.2.10", "2001:db8::10"];
    let router = RouterTarget {
        addresses: addresses.map(|it| it.parse().unwrap()).to_vec(),
        https_port: 443,
        fingerprint: Fingerprint([7; 32]),
    };
    let controllers = ["https://meet.example.org".to_owned()];
    Allowed::registered(&controllers, &[router], false)
});

fuzz_target!(|text: &str| {
    if let Ok(target) = Target::of_origin(text) {
        assert!(text.starts_with("https://"));
        assert_eq!(Target::parse(&target.to_string()), Ok(target));
    }
    let Ok(target) = Target::parse(text) else {
        return;
    };
    let written = target.to_string();
    assert_eq!(Target::parse(&written).as_ref(), Ok(&target));
    // All that may change: the case of letters, and how an IPv6 address is spelled.
    match target.host() {
        Host::Address(IpAddr::V6(address)) => {
            let read: SocketAddr = text.parse().expect("a socket's address");
            assert_eq!(read, SocketAddr::new((*address).into(), target.port()));
            assert!(address.to_ipv4_mapped().is_none());
        }
        _ => assert_eq!(written, text.to_ascii_lowercase()),
    }
    if ALLOWED.contains(&target) {
        let registered = ["192.0.2.10:443", "[2001:db8::10]:443", "meet.example.org:443"];
        assert!(registered.contains(&written.as_str()));
    }
});
