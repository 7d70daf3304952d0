//! Kubernetes Events: what a person would want to know.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

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

    /// Something went as it should. `reason` and `action` are `CamelCase`.
    pub async fn normal(
        &self,
        about: &ObjectReference,
        reason: &str,
        action: &str,
        note: impl Into<String>,
    ) {
        self.publish(EventType::Normal, about, reason, action, note.into())
            .await;
    }

    /// Something needs a person.
    pub async fn warning(
        &self,
        about: &ObjectReference,
        reason: &str,
        action: &str,
        note: impl Into<String>,
    ) {
        self.publish(EventType::Warning, about, reason, action, note.into())
            .await;
    }

    /// As [`Events::normal`], about something that happened to `related`: events of one
    /// reason about different things are then not merged into one.
    pub async fn normal_on(
        &self,
        about: &ObjectReference,
        related: ObjectReference,
        (reason, action): (&str, &str),
        note: impl Into<String>,
    ) {
        let event = event(
            EventType::Normal,
            Some(related),
            reason,
            action,
            note.into(),
        );
        self.send(&event, about).await;
    }

    /// As [`Events::warning`], about something that happened to `related`.
    pub async fn warning_on(
        &self,
        about: &ObjectReference,
        related: ObjectReference,
        (reason, action): (&str, &str),
        note: impl Into<String>,
    ) {
        let event = event(
            EventType::Warning,
            Some(related),
            reason,
            action,
            note.into(),
        );
        self.send(&event, about).await;
    }

    async fn publish(
        &self,
        type_: EventType,
        about: &ObjectReference,
        reason: &str,
        action: &str,
        note: String,
    ) {
        let event = event(type_, None, reason, action, note);
        self.send(&event, about).await;
    }

    /// An event that cannot be written is logged: no work fails for want of a remark.
    async fn send(&self, event: &Event, about: &ObjectReference) {
        if let Err(error) = self.recorder.publish(event, about).await {
            tracing::warn!(%error, reason = event.reason, "event not published");
        }
    }
}

fn event(
    type_: EventType,
    secondary: Option<ObjectReference>,
    reason: &str,
    action: &str,
    mut note: String,
) -> Event {
    // The API takes notes up to 1 KiB.
    while note.len() > 1000 {
        note.pop();
    }
    Event {
        type_,
        reason: reason.to_owned(),
        action: action.to_owned(),
        note: Some(note),
        secondary,
    }
}
