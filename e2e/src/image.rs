//! Plenum's own image.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::cluster::archive::{Entry, Image};
use crate::cluster::elf;
use crate::cluster::images::NAME_SERVICES;

/// Plenum's own, as the Makefile builds it.
pub const PLENUM_REFERENCE: &str = "localhost/plenum:dev";

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
            Entry::directory("etc"),
            Entry::text(
                "etc/passwd",
                "root:x:0:0:root:/:/sbin/nologin\nplenum:x:65532:65532:plenum:/tmp:/sbin/nologin\n",
            ),
            Entry::text("etc/group", "root:x:0:\nplenum:x:65532:\n"),
            Entry::text("etc/nsswitch.conf", NAME_SERVICES),
            Entry::Directory {
                path: "tmp".into(),
                mode: 0o1777,
            },
            Entry::directory("usr"),
            Entry::directory("usr/local"),
            Entry::directory("usr/local/bin"),
            Entry::program("usr/local/bin/plenum", plenum),
            Entry::program("usr/local/bin/plenum-operator", operator),
        ],
        user: USER,
        entrypoint: vec![],
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
