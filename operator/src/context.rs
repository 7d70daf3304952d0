//! What every controller is given.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{EnvVar, LocalObjectReference};
use kube::Client;

use crate::apply::Writer;
use crate::environment::Variable;
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
    pub image: Arc<Image>,
}

/// The image of the data plane, and how it is pulled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// Its name, where a resource names none.
    pub name: String,
    /// Secrets in the pods' own namespace, for whatever image they run.
    pub pull_secrets: Vec<String>,
    /// What its programs are told besides, whatever image they are of.
    pub environment: Vec<Variable>,
}

impl Image {
    /// What its programs are told, beside these.
    #[must_use]
    pub fn environment(&self, others: impl IntoIterator<Item = EnvVar>) -> Vec<EnvVar> {
        let told = self.environment.iter().map(EnvVar::from);
        others.into_iter().chain(told).collect()
    }

    /// As pods name them. Nothing where there are none: the API server would drop an empty
    /// list, and it would be written for ever.
    #[must_use]
    pub fn pull_secrets(&self) -> Option<Vec<LocalObjectReference>> {
        let named = |name: &String| LocalObjectReference { name: name.clone() };
        let all: Vec<_> = self.pull_secrets.iter().map(named).collect();
        (!all.is_empty()).then_some(all)
    }
}

impl Context {
    /// `instance` is the name of this replica's pod.
    #[must_use]
    pub fn new(
        client: Client,
        fence: Fence,
        metrics: Arc<Metrics>,
        instance: &str,
        image: Image,
    ) -> Self {
        Self {
            writer: Writer::new(client.clone(), fence.clone(), metrics.clone()),
            events: Events::new(client.clone(), instance),
            client,
            fence,
            metrics,
            image: Arc::new(image),
        }
    }
}
