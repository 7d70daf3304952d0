//! `plenum directory ca`: what clients and zones need to trust a directory that has an authority
//! of its own. It asks no database, so that it works from its pod while that is away.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde_json::json;

use crate::Output;

/// As [`Authority`](crate::serve::authority::Authority) calls it.
const FILE: &str = "ca.crt";

/// Prints the certificate of the authority in the data directory.
pub fn show(data_dir: &Path, output: Output) -> anyhow::Result<()> {
    let pem = read(data_dir)?;
    match output {
        Output::Text => print!("{pem}"),
        Output::Json => println!("{}", json!({ "ca": pem })),
    }
    Ok(())
}

fn read(data_dir: &Path) -> anyhow::Result<String> {
    let file = data_dir.join(FILE);
    fs::read_to_string(&file).with_context(|| {
        format!(
            "{}: a directory has an authority of its own when it was started with --self-signed \
             and this --data-dir",
            file.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::authority::Authority;

    #[test]
    fn the_authority_that_a_directory_made_is_shown() {
        let data = tempfile::tempdir().unwrap();
        let missing = format!("{:#}", read(data.path()).unwrap_err());
        assert!(missing.contains("--self-signed"), "{missing}");
        let zone = "local.directory".parse().unwrap();
        let made = Authority::load_or_make(data.path(), zone).unwrap();
        assert_eq!(read(data.path()).unwrap(), made.pem());
    }
}
