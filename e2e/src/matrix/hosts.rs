//! Who is where: the machines of a world and their addresses.
//!
//! ```text
//!   office                                            internet
//!   client --+                                   +-- zone, media, directory, guest
//!            +-- router (firewall, NAT) == wan --+
//!   proxy ---+                        (delay)    +-- tunnel-1, tunnel-2, tunnel-3
//! ```
//!
//! The addresses of the internet are those for documentation (RFC 5737, RFC 3849): nothing
//! outside has them.

use std::ffi::OsStr;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tokio::process::Command;

use super::network::NAMESPACES;
use crate::children;

/// A machine: a network namespace of this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// Who wants to join, in an office.
    Client,
    /// The office's HTTP proxy.
    Proxy,
    /// The office's firewall.
    Router,
    /// The way to the internet, which takes its time.
    Wan,
    /// The zone's controller.
    Zone,
    /// The zone's media router.
    Media,
    /// Whom the client wants to talk to, near the zone.
    Guest,
    /// The directory.
    Directory,
    /// A tunnel of the zone.
    Tunnel(u8),
}

/// Those whom the router knows.
pub const OFFICE: [Host; 2] = [Host::Client, Host::Proxy];
/// Those behind the wan.
pub const INTERNET: [Host; 7] = [
    Host::Zone,
    Host::Media,
    Host::Guest,
    Host::Directory,
    Host::Tunnel(1),
    Host::Tunnel(2),
    Host::Tunnel(3),
];

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Host {
    /// The address; of the router and the wan, the one towards office or internet.
    pub fn address(self, family: Family) -> IpAddr {
        let (net, number) = self.place();
        net.address(family, number)
    }

    /// The address with its prefix length.
    pub fn interface(self, family: Family) -> String {
        let (net, number) = self.place();
        net.interface(family, number)
    }

    fn place(self) -> (Net, u8) {
        match self {
            Self::Router => (Net::Office, 1),
            Self::Proxy => (Net::Office, 3),
            Self::Client => (Net::Office, 10),
            Self::Wan => (Net::Internet, 1),
            Self::Zone => (Net::Internet, 10),
            Self::Media => (Net::Internet, 11),
            Self::Guest => (Net::Internet, 20),
            Self::Directory => (Net::Internet, 30),
            Self::Tunnel(number) => (Net::Internet, 40 + number),
        }
    }

    /// Runs `program` on this machine, as [`children::command`] does.
    pub fn command(self, program: impl AsRef<OsStr>) -> Command {
        let mut command = children::command("nsenter");
        command
            .arg(format!("--net={NAMESPACES}/{self}"))
            .arg("--")
            .arg(program);
        command
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client => f.write_str("client"),
            Self::Proxy => f.write_str("proxy"),
            Self::Router => f.write_str("router"),
            Self::Wan => f.write_str("wan"),
            Self::Zone => f.write_str("zone"),
            Self::Media => f.write_str("media"),
            Self::Guest => f.write_str("guest"),
            Self::Directory => f.write_str("directory"),
            Self::Tunnel(number) => write!(f, "tunnel-{number}"),
        }
    }
}

/// A network of up to 254 machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Net {
    /// Behind the firewall.
    Office,
    /// Between the firewall and the wan.
    Core,
    /// All others.
    Internet,
}

impl Net {
    /// A machine's address.
    pub fn address(self, family: Family, number: u8) -> IpAddr {
        match (self, family) {
            (Self::Office, Family::V4) => Ipv4Addr::new(10, 8, 0, number).into(),
            (Self::Core, Family::V4) => Ipv4Addr::new(198, 51, 100, number).into(),
            (Self::Internet, Family::V4) => Ipv4Addr::new(203, 0, 113, number).into(),
            (net, Family::V6) => {
                let net = match net {
                    Self::Office => 8,
                    Self::Core => 0x100,
                    Self::Internet => 0x113,
                };
                Ipv6Addr::new(0x2001, 0xdb8, net, 0, 0, 0, 0, number.into()).into()
            }
        }
    }

    /// An address with the network's prefix length.
    pub fn interface(self, family: Family, number: u8) -> String {
        let address = self.address(family, number);
        match family {
            Family::V4 => format!("{address}/24"),
            Family::V6 => format!("{address}/64"),
        }
    }

    /// The network, as a route names it.
    pub fn prefix(self, family: Family) -> String {
        self.interface(family, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_has_the_address_of_another() {
        let hosts = OFFICE.into_iter().chain(INTERNET);
        let hosts = hosts.chain([Host::Router, Host::Wan]);
        let addresses = hosts.flat_map(|host| [host.address(Family::V4), host.address(Family::V6)]);
        let mut addresses: Vec<_> = addresses.collect();
        addresses.sort();
        let all = addresses.len();
        addresses.dedup();
        assert_eq!(addresses.len(), all);
    }

    #[test]
    fn networks_have_names() {
        assert_eq!(Net::Office.prefix(Family::V4), "10.8.0.0/24");
        assert_eq!(Net::Internet.prefix(Family::V6), "2001:db8:113::/64");
    }
}
