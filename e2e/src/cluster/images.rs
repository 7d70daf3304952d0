//! The images that every cluster needs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::cluster::archive::{Entry, Image};
use crate::cluster::host_packages::BUSYBOX;
use crate::{Layout, Tools};

/// The sandbox of every pod; the same image as [`BUSYBOX_REFERENCE`].
pub(crate) const PAUSE_REFERENCE: &str = "localhost/pause:1";
/// Shell, web server and name lookup for test pods.
pub const BUSYBOX_REFERENCE: &str = "localhost/busybox:1";
/// The cluster's DNS server.
pub(crate) const COREDNS_REFERENCE: &str = "localhost/coredns:1";

/// Without it glibc asks DNS first, and does not see a pod's /etc/hosts where DNS answers.
pub(crate) const NAME_SERVICES: &str = "passwd: files\ngroup: files\nhosts: files dns\n";

/// Writes the images that every cluster needs; returns where.
pub(crate) fn write_basics(layout: &Layout, tools: &Tools) -> Result<[PathBuf; 2]> {
    let (busybox, coredns) = (
        layout.images().join("busybox.tar"),
        layout.images().join("coredns.tar"),
    );
    write_busybox(&busybox)?;
    write_coredns(&tools.coredns(), &coredns)?;
    Ok([busybox, coredns])
}

/// One image under two names: the pause container, and a shell for test pods.
fn write_busybox(out: &Path) -> Result<()> {
    let listed = Command::new(BUSYBOX)
        .arg("--list")
        .output()
        .context("starting busybox")?;
    let applets = String::from_utf8_lossy(&listed.stdout);
    let links = applets
        .lines()
        .filter(|applet| *applet != "busybox")
        .map(|applet| Entry::Link {
            path: format!("bin/{applet}"),
            target: "busybox".into(),
        });
    let mut entries = vec![
        Entry::directory("bin"),
        Entry::directory("etc"),
        Entry::text("etc/passwd", "root:x:0:0:root:/:/bin/sh\n"),
        Entry::text("etc/group", "root:x:0:\n"),
        Entry::text("etc/nsswitch.conf", NAME_SERVICES),
        Entry::Directory {
            path: "tmp".into(),
            mode: 0o1777,
        },
        Entry::program("bin/busybox", Path::new(BUSYBOX)),
    ];
    entries.extend(links);
    let image = Image {
        references: vec![PAUSE_REFERENCE.into(), BUSYBOX_REFERENCE.into()],
        entries,
        user: "0:0",
        entrypoint: vec!["/bin/busybox", "sleep", "infinity"],
    };
    image.write(out)
}

fn write_coredns(coredns: &Path, out: &Path) -> Result<()> {
    let image = Image {
        references: vec![COREDNS_REFERENCE.into()],
        entries: vec![Entry::program("coredns", coredns)],
        user: "0:0",
        entrypoint: vec!["/coredns"],
    };
    image.write(out)
}
