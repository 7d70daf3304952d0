//! The chart holds the CRDs that this crate describes.

use std::fs;
use std::path::Path;

use plenum_crds::yaml;

#[test]
fn the_chart_holds_the_crds_of_this_crate() {
    for file in yaml::files() {
        let held = fs::read_to_string(Path::new("..").join(&file.path)).unwrap_or_default();
        assert!(
            held == file.text,
            "{} is not what crds/src describes: run `make crds` and commit the change",
            file.path.display()
        );
    }
}
