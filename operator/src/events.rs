//! Kubernetes Events: what a person would want to know.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
pub use kube::runtime::events::EventType;
use kube::runtime::events::{Event, Recorder, Reporter};
use tracing::Instrument as _;

use crate::traces;

/// The one recorder; its clones share the deduplication.
#[derive(Clone)]
pub struct Events {
    recorder: Recorder,
}

impl Events {
    /// Events said by the replica `instance` (its pod's name).
    #[must_use]
    pub fn new(client: Client, instance: &str) -> Self {
        let reporter = Reporter {
            controller: "plenum-operator".to_owned(),
            instance: Some(instance.to_owned()),
        };
        Self {
            recorder: Recorder::new(client, reporter),
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
        let event = Event {
            type_,
            reason: reason.to_owned(),
            action: action.to_owned(),
            note: Some(shortened(note.into())),
            secondary: related,
        };
        let traced = traces::event(reason);
        let publishing = self.recorder.publish(&event, about);
        let published = publishing.instrument(traced.clone()).await;
        traces::done(&traced, &published);
        if let Err(error) = published {
            tracing::warn!(%error, reason, "event not published");
        }
    }
}

/// The API takes notes up to 1 KiB.
fn shortened(mut note: String) -> String {
    while note.len() > 1000 {
        note.pop();
    }
    note
}
