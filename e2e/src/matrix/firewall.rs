//! Real rules of real firewalls, and what they counted.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};

use super::hosts::{Family, Host, INTERNET, Net};
use super::network::inside;
use crate::children;

/// Rules of the office's firewall, as iptables(8) reads them without its name. They hold for
/// both families of addresses unless they begin with `4 ` or `6 `. Ports of the zone are 443
/// and 8801.
pub type Rules = &'static [&'static str];

/// Without rules of its own a firewall hides the office's addresses of IPv4.
const ALWAYS: Rules = &["4 -t nat -A POSTROUTING -o core -j MASQUERADE"];

/// Where the client is after its network changed.
pub const CLIENT_LATER: u8 = 11;

/// Which packets are counted, by who talks to whom: a name, and the port there.
const PORTS: [(&str, &str, u16); 3] = [
    ("udp8801", "udp", 8801),
    ("tcp8801", "tcp", 8801),
    ("tcp443", "tcp", 443),
];

/// Sets up the office's firewall, and what it counts; writes a file into the directory.
pub fn furnish(families: &[Family], rules: Rules, directory: &Path) -> Result<()> {
    for rule in ALWAYS.iter().chain(rules) {
        apply(families, rule)?;
    }
    for family in families {
        count(*family, directory)?;
    }
    Ok(())
}

/// Adds a rule.
pub fn apply(families: &[Family], rule: &str) -> Result<()> {
    let (only, rule) = match (rule.strip_prefix("4 "), rule.strip_prefix("6 ")) {
        (Some(rule), _) => (Some(Family::V4), rule),
        (_, Some(rule)) => (Some(Family::V6), rule),
        (None, None) => (None, rule),
    };
    let wanted = |family: &&Family| only.is_none_or(|only| only == **family);
    for family in families.iter().filter(wanted) {
        iptables(Host::Router, *family, rule)?;
    }
    Ok(())
}

/// Everything between office and internet takes so many milliseconds each way; to and from
/// some machines, something else.
pub fn delay(families: &[Family], ms: u16, others: &[(Host, u16)]) -> Result<()> {
    let queue = |family, matches: &str, ms| {
        let rule = format!("-t mangle -A FORWARD {matches}-j NFQUEUE --queue-num {ms}");
        iptables(Host::Wan, family, &rule)
    };
    for family in families {
        for (host, ms) in others {
            let address = host.address(*family);
            queue(*family, &format!("-s {address} "), *ms)?;
            queue(*family, &format!("-d {address} "), *ms)?;
        }
        queue(*family, "", ms)?;
    }
    Ok(())
}

/// Counts what the firewall lets through, by the addresses of the office.
fn count(family: Family, directory: &Path) -> Result<()> {
    let file = directory.join(format!("count-{family:?}"));
    fs::write(&file, counters(family))?;
    let program = format!("{}-restore", program(family));
    let file = file.to_str().context("a path of ours is text")?;
    inside(Host::Router, &[&program, "-w", "--noflush", file])
}

/// All at once: one by one they would take a second.
fn counters(family: Family) -> String {
    let clients = [
        ("client", Host::Client.address(family)),
        ("client", Net::Office.address(family, CLIENT_LATER)),
        ("proxy", Host::Proxy.address(family)),
    ];
    let head = ["*mangle", ":COUNT - [0:0]", "-A POSTROUTING -j COUNT"];
    let mut rules = head.map(str::to_owned).to_vec();
    for (who, near) in clients {
        for host in INTERNET {
            let far = host.address(family);
            for (name, protocol, port) in PORTS {
                let comment = format!("-m comment --comment {who}:{host}:{name}");
                rules.push(format!(
                    "-A COUNT -s {near} -d {far} -p {protocol} --dport {port} {comment}"
                ));
                rules.push(format!(
                    "-A COUNT -s {far} -d {near} -p {protocol} --sport {port} {comment}"
                ));
            }
        }
    }
    rules.push("COMMIT\n".to_owned());
    rules.join("\n")
}

/// Bytes in both directions, by `WHO:HOST:PORT`; who exchanged none is left out.
pub async fn counted(families: &[Family]) -> Result<BTreeMap<String, u64>> {
    let mut all = BTreeMap::new();
    for family in families {
        let mut save = Host::Router.command(format!("{}-save", program(*family)));
        save.args(["-c", "-t", "mangle"]).stdout(Stdio::piped());
        let output = children::start(save)?.wait_with_output().await?;
        ensure!(
            output.status.success(),
            "the firewall's counters cannot be read"
        );
        add_counts(&String::from_utf8(output.stdout)?, &mut all)?;
    }
    Ok(all)
}

fn add_counts(saved: &str, all: &mut BTreeMap<String, u64>) -> Result<()> {
    for line in saved.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let Some(at) = words.iter().position(|word| *word == "--comment") else {
            continue;
        };
        let read = || {
            let name = words.get(at + 1)?.trim_matches('"');
            let bytes = words.first()?.strip_suffix(']')?.split_once(':')?.1;
            Some((name, bytes.parse::<u64>().ok()?))
        };
        let (name, bytes) = read().with_context(|| format!("iptables-save says {line:?}"))?;
        if bytes > 0 {
            *all.entry(name.to_owned()).or_default() += bytes;
        }
    }
    Ok(())
}

fn iptables(host: Host, family: Family, rule: &str) -> Result<()> {
    let words = [
        &[program(family), "-w"][..],
        &rule.split(' ').collect::<Vec<_>>(),
    ]
    .concat();
    inside(host, &words)
}

fn program(family: Family) -> &'static str {
    match family {
        Family::V4 => "iptables",
        Family::V6 => "ip6tables",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_are_counted_together() {
        let saved = "\
# Generated by iptables-save
*mangle
:COUNT - [0:0]
[5:500] -A POSTROUTING -j COUNT
[3:300] -A COUNT -s 10.8.0.10/32 -p udp -m udp --dport 8801 -m comment --comment \"client:zone:udp8801\"
[2:200] -A COUNT -d 10.8.0.10/32 -p udp -m udp --sport 8801 -m comment --comment \"client:zone:udp8801\"
[0:0] -A COUNT -d 10.8.0.3/32 -p tcp -m comment --comment \"proxy:zone:tcp443\"
";
        let mut all = BTreeMap::new();
        add_counts(saved, &mut all).unwrap();
        assert_eq!(all, [("client:zone:udp8801".to_owned(), 500)].into());
    }
}
