//! Every metric is in docs/observability.md, and nothing else is.

use std::time::Duration;

use axum::http::StatusCode;
use prometheus_client::registry::Registry;

use super::Metrics;

#[test]
fn the_page_lists_what_a_directory_exports() {
    let mut registry = Registry::default();
    let metrics = Metrics::new(&mut registry);
    metrics.answered("GET", None, StatusCode::OK, Duration::ZERO);
    metrics.lookup(None);
    metrics.wrong_guess("passcode");
    metrics.zones(1, 2);
    metrics.database(true);
    metrics.died("board");
    metrics.died("looking");
    plenum_documented::check("The directory", &registry);
}
