//! Whether a program runs without shared libraries.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Program header type of the path of the loader (System V ABI, "Program Header").
const PT_INTERP: u32 = 3;

/// Whether the program needs no loader, and so runs in an image that holds nothing else.
pub(crate) fn is_static(program: &Path) -> Result<bool> {
    let bytes = fs::read(program).with_context(|| format!("reading {}", program.display()))?;
    header_types(&bytes)
        .map(|types| !types.contains(&PT_INTERP))
        .with_context(|| format!("{} is not a 64-bit program", program.display()))
}

/// Types of the program headers of a little-endian ELF64 file; its search for "ld-linux" would not do, for a static
/// glibc holds that name too.
fn header_types(elf: &[u8]) -> Option<Vec<u32>> {
    const CLASS_64_LITTLE: [u8; 2] = [2, 1];
    if elf.get(..4)? != b"\x7fELF" || elf.get(4..6)? != CLASS_64_LITTLE {
        return None;
    }
    let offset = usize::try_from(u64::from_le_bytes(elf.get(32..40)?.try_into().ok()?)).ok()?;
    let size = usize::from(u16::from_le_bytes(elf.get(54..56)?.try_into().ok()?));
    let count = usize::from(u16::from_le_bytes(elf.get(56..58)?.try_into().ok()?));
    let header = |index: usize| {
        let start = offset.checked_add(index * size)?;
        Some(u32::from_le_bytes(
            elf.get(start..start.checked_add(4)?)?.try_into().ok()?,
        ))
    };
    (0..count).map(header).collect()
}

/// A file with one program header, for tests of those who ask.
#[cfg(test)]
pub(crate) fn tiny(is_static: bool) -> Vec<u8> {
    let mut elf = vec![0; 64];
    elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
    elf[32] = 64;
    elf[54] = 56;
    elf[56] = 1;
    elf.extend(if is_static { 1_u32 } else { PT_INTERP }.to_le_bytes());
    elf.extend([0; 52]);
    elf
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_with_a_loader_is_not_static() {
        assert_eq!(header_types(&tiny(true)), Some(vec![1]));
        assert_eq!(header_types(&tiny(false)), Some(vec![PT_INTERP]));
    }

    #[test]
    fn this_test_and_busybox_are_told_apart() {
        // The test itself is linked dynamically by default.
        assert!(!is_static(&std::env::current_exe().unwrap()).unwrap());
    }

    #[test]
    fn what_is_no_program_is_refused() {
        assert_eq!(header_types(b"#!/bin/sh"), None);
        let mut cut = tiny(true);
        cut.truncate(66);
        assert_eq!(header_types(&cut), None);
    }
}
