//! Kubernetes Events: what a person would want to know.
//!
//! kube's own recorder keeps each Event whole for six minutes, some 3 kB; while a thousand zones
//! are made there are nine thousand. Here it is a hundred bytes of each.
//!
//! | file | what lives there |
//! |---|---|
//! | `recent` | which Events were published lately, and how often |

mod recent;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Patch, PatchParams, PostParams};
pub use kube::runtime::events::EventType;
use kube::{Api, Client};
use serde_json::json;
use tracing::Instrument as _;

use crate::traces;
use recent::{Kind, Recent, Times};

/// Who says them.
const CONTROLLER: &str = "plenum-operator";

/// Where Events are published. Its clones are the same one.
#[derive(Clone)]
pub struct Events {
    client: Client,
    instance: Arc<str>,
    recent: Arc<Mutex<Recent>>,
}

impl Events {
    /// Events said by the replica `instance` (its pod's name).
    #[must_use]
    pub fn new(client: Client, instance: &str) -> Self {
        Self {
            client,
            instance: instance.into(),
            recent: Arc::default(),
        }
    }

    /// Says something about `about`: `Normal` when it went as it should, `Warning` when it needs
    /// a person. `reason` and `action` are `CamelCase`. Events of one reason are merged into
    /// one, unless they happened to different `related` things. One that cannot be written is
    /// logged: no work fails for want of a remark.
    pub async fn publish(
        &self,
        type_: EventType,
        about: &ObjectReference,
        related: Option<ObjectReference>,
        (reason, action): (&str, &str),
        note: impl Into<String>,
    ) {
        let kind = Kind::of((type_, reason, action), about, related.as_ref());
        let times = self.recent().again(&kind, Timestamp::now());
        let event = Event {
            metadata: ObjectMeta {
                namespace: about.namespace.clone(),
                name: Some(name(about, times.first)),
                ..ObjectMeta::default()
            },
            type_: Some(format!("{type_:?}")),
            reason: Some(reason.to_owned()),
            action: Some(action.to_owned()),
            note: Some(shortened(note.into())),
            event_time: Some(MicroTime(times.first)),
            regarding: Some(about.clone()),
            related,
            reporting_controller: Some(CONTROLLER.to_owned()),
            reporting_instance: Some(self.instance.to_string()),
            ..Event::default()
        };
        let traced = traces::event(reason);
        let published = self.write(&event, times).instrument(traced.clone()).await;
        traces::done(&traced, &published);
        if let Err(error) = published {
            self.recent().forget(&kind);
            tracing::warn!(%error, reason, "event not published");
        }
    }

    /// Makes it, or counts that it happened once more.
    async fn write(&self, event: &Event, times: Times) -> kube::Result<Event> {
        let namespace = event.metadata.namespace.as_deref().unwrap_or("default");
        let events = Api::<Event>::namespaced(self.client.clone(), namespace);
        if times.count == 1 {
            return events.create(&PostParams::default(), event).await;
        }
        let name = event.metadata.name.as_deref().unwrap_or_default();
        let series = json!({
            "series": {"count": times.count, "lastObservedTime": MicroTime(times.last)},
        });
        let patch = Patch::Merge(series);
        events.patch(name, &PatchParams::default(), &patch).await
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As Kubernetes' own clients call an Event: after what it is about, and when it happened first.
fn name(about: &ObjectReference, first: Timestamp) -> String {
    let about = about.name.as_deref().unwrap_or(CONTROLLER);
    format!("{about}.{:x}", first.as_nanosecond())
}

/// The API takes notes up to 1 KiB.
fn shortened(mut note: String) -> String {
    while note.len() > 1000 {
        note.pop();
    }
    note
}
