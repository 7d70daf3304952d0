//! Every metric is in docs/observability.md, and nothing else is.

use std::sync::Arc;

use crate::cache::Key;

use super::{Life, Metrics, PoolNumbers, PoolReport, ZoneNumbers, lock};

#[test]
fn the_page_lists_what_the_operator_exports() {
    let metrics = Arc::new(Metrics::default());
    metrics.reconcile("pool").done(&Err::<(), _>("no"));
    let key = Key::new("n", "p");
    metrics.asked("pool", &key);
    metrics.begun("pool", &key);
    metrics.write("Node", "patch");
    metrics.request("watch");
    metrics.pool("n", "p", PoolNumbers::default());
    let _term = metrics.term(|| {
        vec![PoolReport {
            namespace: "n".into(),
            pool: "p".into(),
            age: None,
        }]
    });
    let numbers = ZoneNumbers {
        ready: true,
        certificate: Some(Life {
            begins: jiff::Timestamp::UNIX_EPOCH,
            ends: jiff::Timestamp::UNIX_EPOCH,
        }),
    };
    metrics.zones.see(&Key::new("n", "z"), numbers);
    // Ages are asked for at a scrape.
    let _ = metrics.text();
    plenum_documented::check("The operator", &lock(&metrics.registry));
}
