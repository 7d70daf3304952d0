//! The images: Plenum's own, and those that every cluster needs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::archive::{Content, Entry, Image};
use crate::elf;
use crate::host_packages::BUSYBOX;
use crate::{Layout, Tools};

/// The sandbox of every pod; the same image as [`BUSYBOX_REFERENCE`].
pub(crate) const PAUSE_REFERENCE: &str = "localhost/pause:1";
/// Shell, web server and name lookup for test pods.
pub const BUSYBOX_REFERENCE: &str = "localhost/busybox:1";
/// Plenum's own, as the Makefile builds it.
pub const PLENUM_REFERENCE: &str = "localhost/plenum:dev";
/// The cluster's DNS server.
pub(crate) const COREDNS_REFERENCE: &str = "localhost/coredns:1";

/// Without it glibc asks DNS first, and does not see a pod's /etc/hosts where DNS answers.
const NAME_SERVICES: &str = "passwd: files\ngroup: files\nhosts: files dns\n";

/// Nobody's number, as in distroless images.
const USER: &str = "65532:65532";

/// Writes Plenum's image: both programs, and what a C library needs to look up names and users.
///
/// It has no entry point: pods say which program they run.
pub fn write_plenum(plenum: &Path, operator: &Path, tag: &str, out: &Path) -> Result<()> {
    for program in [plenum, operator] {
        ensure_static(program)?;
    }
    let image = Image {
        references: vec![format!("localhost/plenum:{tag}")],
        entries: vec![
            directory("etc"),
            text(
                "etc/passwd",
                "root:x:0:0:root:/:/sbin/nologin\nplenum:x:65532:65532:plenum:/tmp:/sbin/nologin\n",
            ),
            text("etc/group", "root:x:0:\nplenum:x:65532:\n"),
            text("etc/nsswitch.conf", NAME_SERVICES),
            Entry::Directory {
                path: "tmp".into(),
                mode: 0o1777,
            },
            directory("usr"),
            directory("usr/local"),
            directory("usr/local/bin"),
            program("usr/local/bin/plenum", plenum),
            program("usr/local/bin/plenum-operator", operator),
        ],
        user: USER,
        entrypoint: vec![],
    };
    image.write(out)
}

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
        directory("bin"),
        directory("etc"),
        text("etc/passwd", "root:x:0:0:root:/:/bin/sh\n"),
        text("etc/group", "root:x:0:\n"),
        text("etc/nsswitch.conf", NAME_SERVICES),
        Entry::Directory {
            path: "tmp".into(),
            mode: 0o1777,
        },
        program("bin/busybox", Path::new(BUSYBOX)),
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
        entries: vec![program("coredns", coredns)],
        user: "0:0",
        entrypoint: vec!["/coredns"],
    };
    image.write(out)
}

/// The image has no C library, so a program that wants one would fail in every pod with "no such file".
fn ensure_static(program: &Path) -> Result<()> {
    ensure!(
        elf::is_static(program)?,
        "{} is linked dynamically: build it with RUSTFLAGS='-C target-feature=+crt-static' and an explicit --target",
        program.display()
    );
    Ok(())
}

fn directory(path: &str) -> Entry {
    Entry::Directory {
        path: path.into(),
        mode: 0o755,
    }
}

fn text(path: &str, text: &str) -> Entry {
    Entry::File {
        path: path.into(),
        mode: 0o644,
        content: Content::Text(text.into()),
    }
}

fn program(path: &str, file: &Path) -> Entry {
    Entry::File {
        path: path.into(),
        mode: 0o755,
        content: Content::HostFile(file.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_dynamic_program_is_refused_with_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("plenum");
        fs::write(&program, elf::tiny(false)).unwrap();
        let out = directory.path().join("image.tar");
        let error = write_plenum(&program, &program, "t", &out)
            .unwrap_err()
            .to_string();
        assert!(error.contains("crt-static"), "{error}");
        assert!(!out.exists());
    }

    #[test]
    fn both_programs_and_the_lookup_order_are_in_the_image() {
        let directory = tempfile::tempdir().unwrap();
        let (plenum, operator) = (directory.path().join("a"), directory.path().join("b"));
        fs::write(&plenum, elf::tiny(true)).unwrap();
        fs::write(&operator, elf::tiny(true)).unwrap();
        let out = directory.path().join("image.tar");
        write_plenum(&plenum, &operator, "test", &out).unwrap();
        let bytes = fs::read(&out).unwrap();
        for expected in [
            "localhost/plenum:test",
            "usr/local/bin/plenum-operator",
            "hosts: files dns",
            "\"Entrypoint\":[]",
        ] {
            assert!(
                bytes
                    .windows(expected.len())
                    .any(|window| window == expected.as_bytes()),
                "{expected}"
            );
        }
    }
}
