//! The rows of the matrix.

use std::time::Duration;

use super::firewall::Rules;
use super::hosts::{Family, Host};
use super::names::SILENCE;
use super::proxy::Door;
use super::scenario::{Change, Rung, Scenario};
use super::servers::OTHER_NAME;

/// All of them, in the order of the table.
pub fn all() -> Vec<Scenario> {
    let mut all = firewalls();
    all.extend(families());
    all.extend(paths());
    all.extend(proxies());
    all.extend(tunnels());
    all.extend(refusals());
    all.extend(changes());
    all.extend(marks());
    all
}

fn firewalls() -> Vec<Scenario> {
    vec![
        Scenario::new("open", "nothing is in the way"),
        Scenario::new("udp_dropped", "UDP is dropped without a word")
            .rules(&["-A FORWARD -p udp -j DROP"])
            .takes(Rung::Tcp),
        Scenario::new("udp_rejected", "UDP is rejected")
            .rules(&["-A FORWARD -p udp -j REJECT"])
            .takes(Rung::Tcp),
        Scenario::new("udp_and_8801_dropped", "UDP and TCP 8801 are dropped")
            .rules(&[
                "-A FORWARD -p udp -j DROP",
                "-A FORWARD -p tcp --dport 8801 -j DROP",
            ])
            .takes(Rung::Tls),
        Scenario::new("only_443", "all but TCP 443 is rejected")
            .rules(&[
                "-A FORWARD -p tcp --dport 443 -j ACCEPT",
                "-A FORWARD -p tcp --sport 443 -j ACCEPT",
                "-A FORWARD -j REJECT",
            ])
            .takes(Rung::Tls),
        Scenario::new("udp_out_only", "UDP gets out, and nothing of it comes back")
            .rules(&["-A FORWARD -i core -p udp -j DROP"])
            .takes(Rung::Tcp),
        Scenario::new(
            "8801_stalls",
            "no UDP; TCP 8801 takes connections, and then carries nothing",
        )
        .rules(&[
            "-A FORWARD -p udp -j DROP",
            "-A FORWARD -p tcp --dport 8801 -m length --length 100: -j DROP",
        ])
        .takes(Rung::Tls),
        Scenario::new(
            "udp_stalls",
            "UDP carries the first 20 kB of a connection, and then nothing",
        )
        .rules(&[
            "-A FORWARD -p udp -m connbytes --connbytes 20000: --connbytes-dir both --connbytes-mode bytes -j DROP",
        ])
        .meanwhile(Change {
            after: Duration::from_secs(1),
            rules: &[],
            moves: false,
        })
        .takes(Rung::Tcp),
    ]
}

/// Only the proxy's address gets out.
const PROXY_ONLY: Rules = &[
    "4 -A FORWARD -s 10.8.0.3 -j ACCEPT",
    "4 -A FORWARD -d 10.8.0.3 -j ACCEPT",
    "-A FORWARD -j REJECT",
];
const PROXY: &str = "http://proxy.test:3128";

fn proxies() -> Vec<Scenario> {
    let behind = |name, what, door| {
        Scenario::new(name, what)
            .rules(PROXY_ONLY)
            .proxy(door)
            .takes(Rung::Tls)
            .by("proxy:media")
    };
    vec![
        behind("proxy", "only an HTTP proxy gets out", Door::Open).args(&["--proxy", PROXY]),
        behind(
            "proxy_password",
            "only an HTTP proxy gets out, and it asks for a password",
            Door::Password,
        )
        .args(&["--proxy", "http://office:s3cret@proxy.test:3128"]),
        behind(
            "proxy_environment",
            "the proxy is named by the environment only",
            Door::Open,
        )
        .environment("HTTPS_PROXY", PROXY),
    ]
}

/// Neither the zone's controller nor its router, and of all others TCP 443.
const ZONE_BLOCKED: Rules = &[
    "4 -A FORWARD -d 203.0.113.10 -j DROP",
    "4 -A FORWARD -d 203.0.113.11 -j DROP",
    "-A FORWARD -p tcp --dport 443 -j ACCEPT",
    "-A FORWARD -p tcp --sport 443 -j ACCEPT",
    "-A FORWARD -j DROP",
];
/// Only the proxy gets out, and it does not reach the zone.
const PROXY_AND_ZONE_BLOCKED: Rules = &[
    "4 -A FORWARD -d 203.0.113.10 -j DROP",
    "4 -A FORWARD -d 203.0.113.11 -j DROP",
    "4 -A FORWARD -s 10.8.0.3 -j ACCEPT",
    "4 -A FORWARD -d 10.8.0.3 -j ACCEPT",
    "-A FORWARD -j REJECT",
];
/// What a join may take where all direct ways fail without a word.
const TUNNEL_WITHIN: Duration = Duration::from_millis(2_500);

fn tunnels() -> Vec<Scenario> {
    let zone_blocked = |name, what| {
        Scenario::new(name, what)
            .rules(ZONE_BLOCKED)
            .takes(Rung::Tls)
            .within(TUNNEL_WITHIN)
    };
    vec![
        zone_blocked(
            "tunnel",
            "the zone's addresses are blocked, its tunnel is not",
        )
        .by("client:tunnel-1"),
        zone_blocked(
            "nearest_tunnel",
            "the same with three tunnels, 60, 20 and 40 ms away",
        )
        .tunnels(3)
        .delays(&[
            (Host::Tunnel(1), 60),
            (Host::Tunnel(2), 20),
            (Host::Tunnel(3), 40),
        ])
        .by("client:tunnel-2"),
        Scenario::new(
            "tunnel_behind_proxy",
            "only a proxy gets out, and only to the tunnel",
        )
        .rules(PROXY_AND_ZONE_BLOCKED)
        .proxy(Door::Open)
        .args(&["--proxy", PROXY])
        .takes(Rung::Tls)
        .within(TUNNEL_WITHIN)
        .by("proxy:tunnel-1"),
    ]
}

/// How soon somebody who cannot get in should know why.
const REFUSED_WITHIN: Duration = Duration::from_secs(10);

fn refusals() -> Vec<Scenario> {
    vec![
        Scenario::new("proxy_wrong_password", "the proxy's password is wrong")
            .rules(PROXY_ONLY)
            .proxy(Door::Password)
            .args(&["--proxy", "http://office:guess@proxy.test:3128"])
            .refused(5, &["proxy.test", "password"], REFUSED_WITHIN),
        Scenario::new(
            "proxy_no_password",
            "the proxy asks for a password, and there is none",
        )
        .rules(PROXY_ONLY)
        .proxy(Door::Password)
        .args(&["--proxy", PROXY])
        .refused(5, &["proxy.test", "password"], REFUSED_WITHIN),
        Scenario::new("captive_portal", "a hotel's page answers every request")
            .portal()
            .refused(5, &["sign in first"], REFUSED_WITHIN),
    ]
}

fn families() -> Vec<Scenario> {
    vec![
        Scenario::new("ipv6_only", "nobody has an address of IPv4").families(&[Family::V6]),
        Scenario::new("dual_stack", "everybody has addresses of both families")
            .families(&[Family::V4, Family::V6]),
        Scenario::new(
            "ipv6_broken",
            "both families, and nothing of IPv6 gets through",
        )
        .families(&[Family::V4, Family::V6])
        .rules(&["6 -A FORWARD -j DROP"]),
        Scenario::new(
            "one_name_silent",
            "nobody answers for the name of one controller of two",
        )
        .rules(&[SILENCE])
        .silent(&[OTHER_NAME]),
    ]
}

fn paths() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "mtu_1280",
            "packets above 1,280 bytes are refused, which is said",
        )
        .mtu(1_280),
        Scenario::new("mtu_1280_ipv6", "the same over IPv6")
            .families(&[Family::V6])
            .mtu(1_280),
        Scenario::new(
            "mtu_1280_unsaid",
            "packets above 1,280 bytes vanish; the router mends TCP only",
        )
        .mtu(1_280)
        .rules(&[
            "-A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu",
            "4 -A OUTPUT -p icmp --icmp-type fragmentation-needed -j DROP",
            "4 -A FORWARD -p icmp --icmp-type fragmentation-needed -j DROP",
        ]),
    ]
}

fn changes() -> Vec<Scenario> {
    vec![
        Scenario::new("udp_dies", "UDP is dropped from the third second on")
            .meanwhile(Change {
                after: Duration::from_secs(3),
                rules: &["-I FORWARD -p udp -j DROP"],
                moves: false,
            })
            .takes(Rung::Tcp),
        Scenario::new(
            "network_changes",
            "the client has another address from the third second on",
        )
        .meanwhile(Change {
            after: Duration::from_secs(3),
            rules: &[],
            moves: true,
        }),
        Scenario::new("network_changes_tcp", "the same without UDP")
            .rules(&["-A FORWARD -p udp -j DROP"])
            .meanwhile(Change {
                after: Duration::from_secs(3),
                rules: &[],
                moves: true,
            })
            .takes(Rung::Tcp),
    ]
}

fn marks() -> Vec<Scenario> {
    let what = "each medium is marked with its DSCP, in both directions";
    let row = |name, family, rung| Scenario::new(name, what).families(&[family]).marked(rung);
    vec![
        row("dscp_udp_ipv4", Family::V4, Rung::Udp),
        row("dscp_udp_ipv6", Family::V6, Rung::Udp),
        row("dscp_tcp_ipv4", Family::V4, Rung::Tcp),
        row("dscp_tcp_ipv6", Family::V6, Rung::Tcp),
        row("dscp_tls_ipv4", Family::V4, Rung::Tls),
        row("dscp_tls_ipv6", Family::V6, Rung::Tls),
    ]
}
