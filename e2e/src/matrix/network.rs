//! Cables, addresses and routes of a world.

use anyhow::{Context as _, Result};

use super::hosts::{Family, Host, INTERNET, Net, OFFICE};
use crate::cluster::process::run;

/// Where named network namespaces are mounted (ip-netns(8)).
pub const NAMESPACES: &str = crate::cluster::network::NAMESPACES;

/// Switches, each in the machine that leads out of its network.
const SWITCHES: [(Host, &str, &[Host], Net); 2] = [
    (Host::Router, "office", &OFFICE, Net::Office),
    (Host::Wan, "internet", &INTERNET, Net::Internet),
];
/// The cable between router and wan.
const CORE: &str = "core";
/// Whether new devices wait a second before they use an address that nobody else can have.
const AT_ONCE: &str = "net/ipv6/conf/default/accept_dad";
/// For machines that pass packets on.
const FORWARD: [&str; 2] = ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"];

/// What a world's network is like.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The families that everybody has.
    pub families: Vec<Family>,
    /// The largest packet that passes between router and wan.
    pub mtu: u16,
}

/// Makes all machines, and connects them.
pub fn create(plan: &Plan) -> Result<()> {
    let machines = [Host::Router, Host::Wan];
    let machines = machines.into_iter().chain(OFFICE).chain(INTERNET);
    for host in machines {
        ip(&format!("netns add {host}"))?;
        sysctl(host, AT_ONCE, "0")?;
        ip(&format!("-n {host} link set lo up"))?;
    }
    for (at, name, hosts, net) in SWITCHES {
        switch(plan, at, name, net)?;
        for host in hosts {
            plug(plan, *host, at, name, net).with_context(|| format!("the network of {host}"))?;
        }
    }
    core(plan)?;
    for host in [Host::Router, Host::Wan] {
        for name in FORWARD {
            sysctl(host, name, "1")?;
        }
    }
    Ok(())
}

fn switch(plan: &Plan, at: Host, name: &str, net: Net) -> Result<()> {
    // Snooping learns who listens to which group from queries that nobody sends here.
    ip(&format!(
        "-n {at} link add {name} type bridge mcast_snooping 0"
    ))?;
    give(plan, at, name, net, 1)?;
    ip(&format!("-n {at} link set {name} up"))
}

fn plug(plan: &Plan, host: Host, at: Host, switch: &str, net: Net) -> Result<()> {
    ip(&format!(
        "-n {at} link add {host} type veth peer name eth0 netns {host}"
    ))?;
    ip(&format!("-n {at} link set {host} master {switch} up"))?;
    for family in &plan.families {
        add(host, "eth0", &host.interface(*family))?;
    }
    ip(&format!("-n {host} link set eth0 up"))?;
    for family in &plan.families {
        let gateway = net.address(*family, 1);
        ip(&format!("-n {host} route add default via {gateway}"))?;
    }
    Ok(())
}

fn core(plan: &Plan) -> Result<()> {
    let (router, wan, mtu) = (Host::Router, Host::Wan, plan.mtu);
    ip(&format!(
        "-n {router} link add {CORE} mtu {mtu} type veth peer name {CORE} mtu {mtu} netns {wan}"
    ))?;
    for (host, number) in [(router, 1), (wan, 2)] {
        give(plan, host, CORE, Net::Core, number)?;
        ip(&format!("-n {host} link set {CORE} up"))?;
    }
    for family in &plan.families {
        let (near, far) = (Net::Core.address(*family, 1), Net::Core.address(*family, 2));
        ip(&format!("-n {router} route add default via {far}"))?;
        if *family == Family::V6 {
            // The router translates addresses of IPv4 only.
            let office = Net::Office.prefix(*family);
            ip(&format!("-n {wan} route add {office} via {near}"))?;
        }
    }
    Ok(())
}

fn give(plan: &Plan, host: Host, device: &str, net: Net, number: u8) -> Result<()> {
    for family in &plan.families {
        add(host, device, &net.interface(*family, number))?;
    }
    Ok(())
}

fn add(host: Host, device: &str, interface: &str) -> Result<()> {
    ip(&format!("-n {host} addr add {interface} dev {device}"))
}

/// The client gets another address of its network, as after a change of Wi-Fi: the old one is
/// gone at once.
pub fn move_client(families: &[Family], number: u8) -> Result<()> {
    let host = Host::Client;
    for family in families {
        let old = host.interface(*family);
        ip(&format!("-n {host} addr del {old} dev eth0"))?;
        add(host, "eth0", &Net::Office.interface(*family, number))?;
        let gateway = Net::Office.address(*family, 1);
        ip(&format!("-n {host} route replace default via {gateway}"))?;
    }
    Ok(())
}

fn sysctl(host: Host, name: &str, value: &str) -> Result<()> {
    let write = format!("echo {value} > /proc/sys/{name}");
    inside(host, &["sh", "-c", &write])
}

/// Runs a program on a machine, and waits for it.
pub fn inside(host: Host, command: &[&str]) -> Result<()> {
    let net = format!("--net={NAMESPACES}/{host}");
    run("nsenter", &[&[net.as_str(), "--"], command].concat())
}

fn ip(arguments: &str) -> Result<()> {
    run("ip", &arguments.split(' ').collect::<Vec<_>>())
}
