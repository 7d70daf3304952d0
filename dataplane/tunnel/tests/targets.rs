//! Which targets can be reached: exactly those that are registered, however they are written.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use plenum_tunnel::allowed::Kind;
use plenum_tunnel::target::{BadTarget, Host};
use plenum_tunnel::{Allowed, Target};
use plenum_wire::Fingerprint;
use plenum_wire::link::RouterTarget;
use proptest::prelude::*;

const PIN: Fingerprint = Fingerprint([7; 32]);

fn router(addresses: &[&str], https_port: u16) -> RouterTarget {
    RouterTarget {
        addresses: addresses.iter().map(|it| it.parse().unwrap()).collect(),
        https_port,
        fingerprint: PIN,
    }
}

/// A zone with one controller by name, one by address, and a router with both families.
fn zone() -> Allowed {
    let controllers = [
        "https://meet.example.org".to_owned(),
        "https://203.0.113.5:8443/".to_owned(),
    ];
    let routers = [router(&["192.0.2.10", "2001:db8::10"], 443)];
    Allowed::registered(&controllers, &routers, false)
}

fn reaches(text: &str) -> bool {
    Target::parse(text).is_ok_and(|target| zone().contains(&target))
}

#[test]
fn what_is_registered_is_reached() {
    for target in [
        "192.0.2.10:443",
        "[2001:db8::10]:443",
        "[2001:DB8:0:0:0:0:0:10]:443",
        "meet.example.org:443",
        "MEET.Example.ORG:443",
        "203.0.113.5:8443",
    ] {
        assert!(reaches(target), "{target}");
    }
    let kind = |text| zone().kind(&Target::parse(text).unwrap());
    assert_eq!(kind("192.0.2.10:443"), Some(Kind::Router(PIN)));
    assert_eq!(kind("meet.example.org:443"), Some(Kind::Controller));
    assert_eq!(kind("192.0.2.10:444"), None);
}

/// Each of these means something registered, or this machine, or a neighbour of it, to some
/// program.
const TRICKS: &[&str] = &[
    // Other ports of the same machines.
    "192.0.2.10:22",
    "192.0.2.10:8801",
    "meet.example.org:80",
    "203.0.113.5:443",
    // This machine, the cloud's, everybody's.
    "127.0.0.1:443",
    "[::1]:443",
    "localhost:443",
    "0.0.0.0:443",
    "[::]:443",
    "169.254.169.254:80",
    "169.254.169.254:443",
    "[fe80::1]:443",
    "255.255.255.255:443",
    // IPv4 in IPv6.
    "[::ffff:192.0.2.10]:443",
    "[::ffff:c000:20a]:443",
    "[::192.0.2.10]:443",
    "[64:ff9b::192.0.2.10]:443",
    "[2002:c000:20a::]:443",
    "[0:0:0:0:0:ffff:192.0.2.10]:443",
    // Zones of IPv6 addresses.
    "[2001:db8::10%eth0]:443",
    "[2001:db8::10%25eth0]:443",
    "[2001:db8::10%]:443",
    // Decimal, octal, hexadecimal, short, with zeros in front.
    "3221226003:443",
    "0xc000020a:443",
    "0XC000020A:443",
    "0300.0.2.10:443",
    "0300.0000.0002.0012:443",
    "0xc0.0x0.0x2.0xa:443",
    "192.0.522:443",
    "192.522:443",
    "192.000.002.010:443",
    "192.0.2.010:443",
    "192.0.2.0x0a:443",
    "127.1:443",
    // Dots.
    "192.0.2.10.:443",
    "meet.example.org.:443",
    ".meet.example.org:443",
    "meet..example.org:443",
    "meet.example.org..:443",
    ".:443",
    "..:443",
    // Users, paths, queries, fragments, schemes.
    "user@192.0.2.10:443",
    "user:pass@meet.example.org:443",
    "meet.example.org:443@evil:443",
    "evil:443@meet.example.org:443",
    "evil#@meet.example.org:443",
    "evil/meet.example.org:443",
    "meet.example.org:443/",
    "meet.example.org:443?",
    "meet.example.org:443#x",
    "https://meet.example.org:443",
    "//meet.example.org:443",
    "evil\\@meet.example.org:443",
    // Ports.
    "meet.example.org",
    "meet.example.org:",
    "meet.example.org:0443",
    "meet.example.org:+443",
    "meet.example.org:-443",
    "meet.example.org: 443",
    "meet.example.org:443 ",
    "meet.example.org:0x1bb",
    "meet.example.org:65979",
    "meet.example.org:66001",
    "meet.example.org:0",
    "meet.example.org:443:443",
    "meet.example.org::443",
    "meet.example.org:4294967739",
    "meet.example.org:18446744073709552059",
    "meet.example.org:https",
    "meet.example.org:443.0",
    "meet.example.org:4e2",
    "meet.example.org:\u{664}\u{664}\u{663}",
    // Brackets.
    "[192.0.2.10]:443",
    "[meet.example.org]:443",
    "2001:db8::10:443",
    "[2001:db8::10]443",
    "[2001:db8::10]",
    "[[2001:db8::10]]:443",
    "[2001:db8::10]:443]",
    "[2001:db8::10:443",
    "[]:443",
    "[:443",
    "]:443",
    "[2001:db8::10]:[443]",
    // Bytes that others leave out, decode or fold.
    "meet.example.org%00:443",
    "meet.example.org\0:443",
    "meet.example.org\t:443",
    " meet.example.org:443",
    "meet.example.org\r\n:443",
    "meet.example.org\n:443",
    "meet%2eexample.org:443",
    "meet\u{3002}example.org:443",
    "meet.example\u{ff0e}org:443",
    "\u{ff4d}eet.example.org:443",
    "m\u{435}et.example.org:443",
    "meet.example.org\u{200b}:443",
    "\u{2460}92.0.2.10:443",
    "meet.example.org\u{ad}:443",
    // Neighbours of the name.
    "example.org:443",
    "x.meet.example.org:443",
    "meet.example.org.evil:443",
    "meet-example.org:443",
    "xn--meet.example.org:443",
    "*.example.org:443",
    "*:443",
    "-meet.example.org:443",
    "meet_.example.org:443",
    // Nothing.
    "",
    ":",
    ":443",
    "443",
];

#[test]
fn no_trick_reaches_anything() {
    for target in TRICKS {
        assert!(!reaches(target), "{target:?}");
    }
}

#[test]
fn what_is_wrong_is_said() {
    let wrong = |text: &str| Target::parse(text).unwrap_err();
    assert_eq!(wrong("meet.example.org"), BadTarget::Form);
    assert_eq!(wrong("[::1]"), BadTarget::Form);
    assert_eq!(wrong("meet.example.org:0"), BadTarget::Port);
    assert_eq!(wrong("[::ffff:1.2.3.4]:443"), BadTarget::Address);
    assert_eq!(wrong("0x7f000001:443"), BadTarget::Name);
    assert_eq!(wrong(&"a.".repeat(200)), BadTarget::TooLong);
    let label = "a".repeat(64);
    assert_eq!(wrong(&format!("{label}:443")), BadTarget::Name);
}

#[test]
fn the_zone_can_register_no_machine_of_its_own_by_mistake() {
    let strange = [
        "127.0.0.1",
        "::1",
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "169.254.169.254",
        "fe80::1",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
    ];
    let allowed = Allowed::registered(&[], &[router(&strange, 443)], false);
    assert!(allowed.is_empty(), "{allowed:?}");
    let controllers = strange.map(|address| match address.parse().unwrap() {
        IpAddr::V4(address) => format!("https://{address}"),
        IpAddr::V6(address) => format!("https://[{address}]"),
    });
    let allowed = Allowed::registered(&controllers, &[], false);
    assert!(allowed.is_empty(), "{allowed:?}");
    assert!(Allowed::registered(&[], &[router(&["192.0.2.1"], 0)], false).is_empty());
    let here = Allowed::registered(&[], &[router(&["127.0.0.1"], 443)], true);
    assert_eq!(here.len(), 1, "a zone on one machine");
}

#[test]
fn nor_by_its_name_unless_all_of_it_is_on_this_machine() {
    let names = [
        "localhost",
        "LocalHost",
        "localhost:8443",
        "meet.localhost",
        "a.b.LOCALHOST",
    ];
    let controllers = names.map(|name| format!("https://{name}"));
    let allowed = Allowed::registered(&controllers, &[], false);
    assert!(allowed.is_empty(), "{allowed:?}");
    let here = Allowed::registered(&controllers, &[], true);
    assert_eq!(here.len(), 4, "a zone on one machine");
    // A dot at the end is refused in any name.
    let dotted = [
        "https://localhost.".to_owned(),
        "https://meet.localhost.".to_owned(),
    ];
    assert!(Allowed::registered(&dotted, &[], true).is_empty());
    let others = ["https://localhost.example.org", "https://notlocalhost"].map(str::to_owned);
    assert_eq!(Allowed::registered(&others, &[], false).len(), 2);
}

#[test]
fn an_address_written_as_ipv6_by_a_router_is_reached_as_what_it_is() {
    let allowed = Allowed::registered(&[], &[router(&["::ffff:192.0.2.1"], 443)], false);
    assert!(allowed.contains(&Target::parse("192.0.2.1:443").unwrap()));
    assert_eq!(allowed.len(), 1);
}

#[test]
fn controllers_are_registered_as_origins() {
    let origin = |text: &str| {
        Target::of_origin(text)
            .ok()
            .map(|target| target.to_string())
    };
    assert_eq!(
        origin("https://meet.example.org").as_deref(),
        Some("meet.example.org:443")
    );
    assert_eq!(
        origin("https://meet.example.org/").as_deref(),
        Some("meet.example.org:443")
    );
    assert_eq!(
        origin("https://Meet.example.org:8443").as_deref(),
        Some("meet.example.org:8443")
    );
    assert_eq!(
        origin("https://[2001:db8::1]").as_deref(),
        Some("[2001:db8::1]:443")
    );
    assert_eq!(
        origin("https://192.0.2.1").as_deref(),
        Some("192.0.2.1:443")
    );
    for other in [
        "http://meet.example.org",
        "meet.example.org",
        "https://",
        "https://meet.example.org/x",
        "https://a@meet.example.org",
        "https://meet.example.org:0",
        "https://meet.example.org:x",
    ] {
        assert_eq!(origin(other), None, "{other}");
    }
}

fn any_target() -> impl Strategy<Value = Target> {
    let address = prop_oneof![
        any::<[u8; 4]>().prop_map(|octets| IpAddr::V4(Ipv4Addr::from(octets))),
        any::<[u8; 16]>().prop_map(|octets| IpAddr::V6(Ipv6Addr::from(octets))),
    ];
    let by_address = (address, 1..=u16::MAX)
        .prop_map(|(address, port)| Target::of_address(address, port).unwrap());
    let by_name = (
        "[a-z][a-z0-9]{0,9}(\\.[a-z][a-z0-9-]{0,9}[a-z0-9]){0,3}",
        1..=u16::MAX,
    )
        .prop_filter_map("a name", |(name, port)| {
            Target::parse(&format!("{name}:{port}")).ok()
        });
    prop_oneof![by_address, by_name]
}

/// Pieces that targets and tricks are made of.
fn near_target() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("192.0.2.10"),
        Just("meet.example.org"),
        Just("2001:db8::10"),
        Just("::ffff:"),
        Just("["),
        Just("]"),
        Just(":"),
        Just("443"),
        Just("."),
        Just("@"),
        Just("%"),
        Just("0x"),
        Just("0"),
        Just("/"),
        Just(" "),
        Just("\0"),
        Just("\u{ff0e}"),
        Just("-"),
        Just("a"),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn every_target_is_read_as_it_is_written(target in any_target()) {
        let written = target.to_string();
        prop_assert_eq!(Target::parse(&written), Ok(target.clone()));
        prop_assert_eq!(Target::parse(&written.to_uppercase()), Ok(target));
    }

    #[test]
    fn what_is_read_says_no_more_than_what_was_written(text in near_target()) {
        let Ok(target) = Target::parse(&text) else { return Ok(()) };
        prop_assert_eq!(&Target::parse(&target.to_string()), &Ok(target.clone()));
        // The only things that may change: letters' case and the spelling of IPv6.
        if let Host::Address(IpAddr::V6(address)) = target.host() {
            let read: SocketAddr = text.parse().unwrap();
            prop_assert_eq!(read, SocketAddr::new((*address).into(), target.port()));
            prop_assert!(address.to_ipv4_mapped().is_none());
        } else {
            prop_assert_eq!(target.to_string(), text.to_ascii_lowercase());
        }
    }

    #[test]
    fn only_the_four_registered_are_reached(text in near_target()) {
        let registered = ["192.0.2.10:443", "[2001:db8::10]:443", "meet.example.org:443", "203.0.113.5:8443"];
        if reaches(&text) {
            prop_assert!(registered.contains(&text.as_str()), "{}", text);
        }
    }

    #[test]
    fn what_is_registered_and_only_that_is_contained(
        registered in proptest::collection::vec(any_target(), 0..5),
        asked in any_target(),
    ) {
        let kind = Kind::Controller;
        let allowed: Allowed = registered.iter().map(|it| (it.clone(), kind)).collect();
        prop_assert_eq!(allowed.contains(&asked), registered.contains(&asked));
        prop_assert!(registered.iter().all(|it| allowed.contains(it)));
    }

    #[test]
    fn anything_is_read_or_refused(text in any::<String>()) {
        let _ = Target::parse(&text);
        let _ = Target::of_origin(&text);
    }
}
