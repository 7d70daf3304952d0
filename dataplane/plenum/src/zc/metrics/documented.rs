//! Every metric is in docs/observability.md, and nothing else is.

use plenum_wire::join::Refusal;
use prometheus_client::registry::Registry;

use super::{Listeners, Metrics};

#[test]
fn the_page_lists_what_a_controller_exports() {
    let mut registry = Registry::default();
    let metrics = Metrics::new(&mut registry);
    metrics.refused(Refusal::ZoneFull);
    metrics.move_ended(0);
    metrics.reported(true);
    Listeners::new(&mut registry);
    plenum_documented::check("Zone controllers", &registry);
}
