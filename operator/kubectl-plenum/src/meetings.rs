//! Which meetings run in a zone, on which routers, with how many people: from what one of the
//! zone's controllers tells.

use std::collections::BTreeMap;
use std::fmt;

use plenum_crds::labels;
use plenum_wire::whereabouts::Whereabouts;
use serde::Serialize;

use crate::render::{BOLD, DIM, Table, paint};
use crate::snapshot::{Snapshot, Trouble, label, name_of, namespace_of, node_of};

/// The shape of [`Report`] as JSON.
pub const SCHEMA: &str = "kubectl-plenum.meetings/1";

/// The meetings of the zones that were asked for.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// By namespace and name.
    pub zones: Vec<Zone>,
}

/// The meetings of one zone.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Zone {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The controller that was asked; `null` if none answered.
    pub controller: Option<String>,
    /// By their ids.
    pub meetings: Vec<Meeting>,
    /// Meetings that the controller did not tell, beyond ten thousand.
    pub left_out: usize,
    /// Why none answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
}

/// A meeting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Meeting {
    /// Its id.
    pub meeting: String,
    /// People in it.
    pub participants: u32,
    /// Where they are: on one router, or on two while it moves.
    pub routers: Vec<Part>,
}

/// The people of a meeting on one router.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The router's pod.
    pub router: String,
    /// Its node, where the pod is known.
    pub node: Option<String>,
    /// People there.
    pub participants: u32,
}

/// What a zone's controllers answered: who, and what; or why none did.
pub type Answer = Result<(String, Whereabouts), Trouble>;

/// The zone as told by one controller.
#[must_use]
pub fn zone(snapshot: &Snapshot, namespace: &str, name: &str, answer: Answer) -> Zone {
    let (controller, told, trouble) = match answer {
        Ok((controller, told)) => (Some(controller), told, None),
        Err(trouble) => (None, Whereabouts::default(), Some(trouble)),
    };
    let nodes: BTreeMap<&str, &str> = snapshot
        .pods
        .iter()
        .filter(|pod| {
            namespace_of(*pod) == namespace
                && label(*pod, labels::APP_COMPONENT) == Some(labels::COMPONENT_ROUTER)
        })
        .filter_map(|pod| Some((name_of(pod), node_of(pod)?)))
        .collect();
    let meetings = told.meetings.into_iter().map(|located| {
        let routers: Vec<Part> = located
            .at
            .into_iter()
            .map(|half| Part {
                node: nodes.get(half.router.as_str()).map(|it| (*it).to_owned()),
                router: half.router.to_string(),
                participants: half.participants,
            })
            .collect();
        Meeting {
            meeting: located.meeting.to_string(),
            participants: routers.iter().map(|it| it.participants).sum(),
            routers,
        }
    });
    Zone {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        controller,
        meetings: meetings.collect(),
        left_out: told.left_out,
        trouble,
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, zone) in self.zones.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{zone}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = format!("Zone {}/{}", self.namespace, self.name);
        if let Some(trouble) = &self.trouble {
            let title = paint(BOLD, &title);
            return writeln!(f, "{title}: {}\n  do: {}", trouble.what, trouble.remedy);
        }
        let people: u32 = self.meetings.iter().map(|it| it.participants).sum();
        let meetings = self.meetings.len() + self.left_out;
        writeln!(
            f,
            "{}: {meetings} meetings, {people} people",
            paint(BOLD, &title)
        )?;
        if self.meetings.is_empty() {
            return Ok(());
        }
        let mut table = Table::new(&["MEETING", "PEOPLE", "ROUTER", "NODE"]);
        for meeting in &self.meetings {
            for (index, part) in meeting.routers.iter().enumerate() {
                let name = if index == 0 {
                    meeting.meeting.as_str()
                } else {
                    ""
                };
                table.plain([
                    name.to_owned(),
                    part.participants.to_string(),
                    part.router.clone(),
                    part.node.clone().unwrap_or_else(|| "?".to_owned()),
                ]);
            }
        }
        write!(f, "{table}")?;
        if self.left_out > 0 {
            let more = format!(
                "and {} more, which the controller does not tell",
                self.left_out
            );
            writeln!(f, "{}", paint(DIM, &more))?;
        }
        Ok(())
    }
}
