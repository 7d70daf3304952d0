//! Which controller has to be told what, and when.
//!
//! Each link is told everything once, then what changed: 50 ms after the first change, so
//! that a burst is one report, and every 500 ms in any case. Links know nothing of each
//! other, so a slow or absent controller delays no other.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use plenum_wire::MeetingId;
use plenum_wire::link::{COALESCE_MS, FromRouter, HEARTBEAT_MS, Load, MeetingLoad, TicketKey};

use crate::LinkId;

const COALESCE: Duration = Duration::from_millis(COALESCE_MS);
const HEARTBEAT: Duration = Duration::from_millis(HEARTBEAT_MS);

/// What one controller knows.
#[derive(Debug)]
struct Link {
    /// Meetings that it was told to be here.
    known: BTreeSet<MeetingId>,
    /// Meetings that it was told wrong things about since.
    changed: BTreeSet<MeetingId>,
    due: Instant,
    keys: Vec<TicketKey>,
}

/// The zone links.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    links: BTreeMap<LinkId, Link>,
}

impl Reports {
    /// A new link: its first report, with every meeting, is due now.
    pub(crate) fn open<'a>(
        &mut self,
        link: LinkId,
        meetings: impl Iterator<Item = &'a MeetingId>,
        now: Instant,
    ) {
        let fresh = Link {
            known: BTreeSet::new(),
            changed: meetings.cloned().collect(),
            due: now,
            keys: Vec::new(),
        };
        self.links.insert(link, fresh);
    }

    pub(crate) fn close(&mut self, link: LinkId) {
        self.links.remove(&link);
    }

    pub(crate) fn open_links(&self) -> impl Iterator<Item = LinkId> + '_ {
        self.links.keys().copied()
    }

    /// A controller's ticket keys. All keys that open links know: during a rotation
    /// controllers differ for a moment.
    pub(crate) fn keys(&mut self, link: LinkId, keys: Vec<TicketKey>) -> Vec<TicketKey> {
        if let Some(link) = self.links.get_mut(&link) {
            link.keys = keys;
        }
        self.links
            .values()
            .flat_map(|link| link.keys.iter().cloned())
            .collect()
    }

    /// The router's load changed, and this meeting's too.
    pub(crate) fn changed(&mut self, meeting: Option<&MeetingId>, now: Instant) {
        for link in self.links.values_mut() {
            link.changed.extend(meeting.cloned());
            link.due = link.due.min(now + COALESCE);
        }
    }

    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.links.values().map(|link| link.due).min()
    }

    /// The next report that is due. `look` says how a meeting is now, if it is here.
    pub(crate) fn next(
        &mut self,
        load: Load,
        look: impl Fn(&MeetingId) -> Option<MeetingLoad>,
        now: Instant,
    ) -> Option<(LinkId, FromRouter)> {
        let (&id, link) = self.links.iter_mut().find(|(_, link)| link.due <= now)?;
        link.due = now + HEARTBEAT;
        let (mut meetings, mut ended) = (Vec::new(), Vec::new());
        for meeting in std::mem::take(&mut link.changed) {
            match look(&meeting) {
                Some(found) => {
                    link.known.insert(meeting);
                    meetings.push(found);
                }
                // One that came and went between two reports was never here for the zone.
                None if link.known.remove(&meeting) => ended.push(meeting),
                None => {}
            }
        }
        let report = FromRouter::Report {
            load,
            meetings,
            ended,
        };
        Some((id, report))
    }
}
