//! Every metric is in docs/observability.md, and nothing else is.

use std::time::Instant;

use plenum_router::{Counters, OverloadStep};
use plenum_transport::{https, media};
use plenum_wire::link::Load;
use prometheus_client::registry::Registry;
use tokio::sync::watch;

use super::{Metrics, Status};

#[test]
fn the_page_lists_what_a_router_exports() {
    let status = Status {
        load: Load {
            participants: 0,
            capacity: 1,
            accepting: true,
            draining: false,
        },
        meetings: 0,
        links: 0,
        counters: Counters::default(),
        media: media::Counters::default(),
        strain: media::Strain::default(),
        overload: OverloadStep::Open,
        receive_buffer: 0,
        at: Instant::now(),
    };
    let (_sender, status) = watch::channel(status);
    let mut registry = Registry::default();
    let metrics = Metrics::new(status, https::Counters::default());
    registry.register_collector(Box::new(metrics));
    plenum_documented::check("Routers", &registry);
}
