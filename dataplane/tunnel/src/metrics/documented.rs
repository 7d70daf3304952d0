//! Every metric is in docs/observability.md, and nothing else is.

use prometheus_client::registry::Registry;

use super::{Ended, Metrics};

#[test]
fn the_page_lists_what_a_tunnel_exports() {
    let mut registry = Registry::default();
    let metrics = Metrics::new(&mut registry);
    drop(metrics.opened("connect"));
    metrics.ended(Ended::Closed);
    metrics.refused("not_registered");
    plenum_documented::check("Tunnels", &registry);
}
