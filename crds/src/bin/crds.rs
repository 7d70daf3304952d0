//! Writes the CRDs into the chart. Run it by `make crds`.

use std::fs;
use std::process::ExitCode;

use plenum_crds::yaml;

fn main() -> ExitCode {
    for file in yaml::files() {
        if let Err(error) = fs::write(&file.path, &file.text) {
            eprintln!("crds: cannot write {}: {error}", file.path.display());
            return ExitCode::FAILURE;
        }
        println!("{}", file.path.display());
    }
    ExitCode::SUCCESS
}
