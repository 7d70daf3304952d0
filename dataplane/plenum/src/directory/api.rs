//! `plenum directory openapi`: the reference of its API, without a directory that runs.

use plenum_directory::api;

/// Prints the OpenAPI document.
pub fn show() {
    println!("{}", api::openapi());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_in_the_documentation_is_of_this_version() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
        let held = std::fs::read_to_string(file).unwrap_or_default();
        assert!(
            held.trim_end() == api::openapi(),
            "docs/openapi.json is not what the API is: run `make api-reference` and commit the change"
        );
    }
}
