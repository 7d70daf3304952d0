//! What every controller is given.

use std::sync::Arc;

use kube::Client;

use crate::apply::Writer;
use crate::events::Events;
use crate::lease::Fence;
use crate::metrics::Metrics;

/// What every controller is given. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// For reading. Nothing is written but through [`Context::writer`].
    pub client: Client,
    /// For writing.
    pub writer: Writer,
    /// Falls when another replica may lead; then orders to controllers end as well.
    pub fence: Fence,
    /// For people.
    pub events: Events,
    /// For Prometheus.
    pub metrics: Arc<Metrics>,
    /// The image of the data plane where a resource names none.
    pub image: Arc<str>,
}

impl Context {
    /// `instance` is the name of this replica's pod.
    #[must_use]
    pub fn new(
        client: Client,
        fence: Fence,
        metrics: Arc<Metrics>,
        instance: &str,
        image: &str,
    ) -> Self {
        Self {
            writer: Writer::new(client.clone(), fence.clone(), metrics.clone()),
            events: Events::new(client.clone(), instance),
            client,
            fence,
            metrics,
            image: image.into(),
        }
    }
}
