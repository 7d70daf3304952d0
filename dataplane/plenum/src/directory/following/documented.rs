//! Every metric is in docs/observability.md, and nothing else is.

use prometheus_client::registry::Registry;

use super::{ByResult, metrics};

#[test]
fn the_page_lists_what_a_replica_exports() {
    let mut registry = Registry::default();
    let (pulls, _behind) = metrics(&mut registry);
    pulls.get_or_create(&ByResult { result: "pulled" }).inc();
    plenum_documented::check("A replica of a directory", &registry);
}
