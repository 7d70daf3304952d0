//! What has to come from the distribution: the low level of the container runtime, and programs to set up a network.

use std::env;
use std::path::Path;

use anyhow::{Result, bail};

use crate::cluster::elf;

/// A file that must be there and the Debian package that brings it.
struct Needed {
    package: &'static str,
    file: &'static str,
}

/// Where the CNI plugins lie in Debian.
pub(crate) const CNI_PLUGINS: &str = "/usr/lib/cni";
/// The static busybox, which becomes an image.
pub(crate) const BUSYBOX: &str = "/bin/busybox";

/// A name without a slash is looked for in the search path.
const NEEDED: [Needed; 9] = [
    Needed {
        package: "runc",
        file: "runc",
    },
    Needed {
        package: "containernetworking-plugins",
        file: "/usr/lib/cni/ptp",
    },
    Needed {
        package: "iptables",
        file: "iptables",
    },
    Needed {
        package: "conntrack",
        file: "conntrack",
    },
    Needed {
        package: "busybox-static",
        file: BUSYBOX,
    },
    Needed {
        package: "iproute2",
        file: "ip",
    },
    Needed {
        package: "util-linux",
        file: "unshare",
    },
    Needed {
        package: "util-linux",
        file: "setpriv",
    },
    Needed {
        package: "hostname",
        file: "hostname",
    },
];

/// Fails with the command that installs what is missing.
pub fn check() -> Result<()> {
    let missing = missing(present);
    if missing.is_empty() {
        return Ok(());
    }
    bail!(
        "packages are missing; install them with: apt-get install -y --no-install-recommends {}",
        missing.join(" ")
    )
}

fn missing(present: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let mut packages: Vec<_> = NEEDED
        .iter()
        .filter(|needed| !present(needed.file))
        .map(|needed| needed.package)
        .collect();
    packages.dedup();
    packages
}

fn present(file: &str) -> bool {
    if file == BUSYBOX {
        // Debian has a busybox with shared libraries too, which cannot run in an image without them.
        return elf::is_static(Path::new(BUSYBOX)).unwrap_or(false);
    }
    if file.starts_with('/') {
        return Path::new(file).exists();
    }
    let path = env::var_os("PATH").unwrap_or_default();
    // An administrator's programs are often missing from a user's search path.
    env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|directory| directory.join(file).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_missing_packages_are_named_and_each_once() {
        assert_eq!(missing(|_| true), Vec::<&str>::new());
        assert_eq!(missing(|file| file != "runc"), ["runc"]);
        assert_eq!(
            missing(|file| file != "unshare" && file != "setpriv"),
            ["util-linux"]
        );
    }
}
