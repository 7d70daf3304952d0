//! `cargo run -p plenum-e2e --bin chart-readme -- charts/plenum`: writes the table of values into
//! the chart's README.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use plenum_e2e::chart::readme::with_table;

fn main() -> Result<()> {
    let chart = std::env::args_os().nth(1);
    let chart = PathBuf::from(chart.context("write the chart's directory")?);
    let read = |name: &str| {
        let path = chart.join(name);
        std::fs::read_to_string(&path).with_context(|| path.display().to_string())
    };
    let page = with_table(&read("README.md")?, &read("values.yaml")?)
        .context("README.md has no place for the table of values")?;
    std::fs::write(chart.join("README.md"), page)?;
    Ok(())
}
