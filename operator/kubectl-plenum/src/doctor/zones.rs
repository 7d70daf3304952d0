//! Are the zones ready, and if not, what do they say?

mod reached;
mod remedies;

use plenum_crds::MeetingZone;
use plenum_crds::conditions::{ZoneCondition, ZoneReason};

use super::conditions::Subject;
use crate::finding::{Finding, Level, Object, unseen};
use crate::snapshot::Snapshot;

const KIND: &str = "MeetingZone";

type Zone<'a> = Subject<'a, MeetingZone>;

pub(super) fn check(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings: Vec<Finding> = unseen(KIND, &snapshot.zones.troubles).collect();
    if snapshot.zones.is_empty() && snapshot.zones.is_whole() {
        let place = snapshot.namespace.as_deref();
        let about = Object::named(KIND, place.unwrap_or_default(), "(none)");
        findings.push(
            Finding::advice("NoZone", about, "there is no zone here")
                .why("a zone is made by applying a MeetingZone and an MMRPool")
                .remedy("kubectl apply -f charts/plenum/examples/namespace.yaml -f charts/plenum/examples/zone.yaml -f charts/plenum/examples/pool.yaml"),
        );
    }
    for zone in snapshot.zones.iter() {
        findings.extend(of(snapshot, zone));
    }
    findings
}

pub(super) fn of(snapshot: &Snapshot, zone: &MeetingZone) -> Vec<Finding> {
    let status = zone.status.as_ref();
    let subject = Subject {
        kind: KIND,
        resource: "meetingzone",
        object: zone,
        observed: status.and_then(|status| status.observed_generation),
        conditions: status
            .map(|it| it.conditions.as_slice())
            .unwrap_or_default(),
        now: snapshot.now,
    };
    let mut findings = subject.neglect();
    // Ready comes last: it often repeats what another says.
    let order = [
        ZoneCondition::CertificatesReady,
        ZoneCondition::ControllersReady,
        ZoneCondition::RoutersAccepting,
        ZoneCondition::TunnelsReady,
        ZoneCondition::Ready,
    ];
    for condition in order {
        let failing = subject
            .condition(condition.as_str())
            .filter(|it| it.status != "True");
        let Some(failing) = failing else { continue };
        let said = |it: &Finding| it.reason == failing.reason;
        if findings.iter().any(said) {
            continue;
        }
        let reason = ZoneReason::from_word(&failing.reason);
        let starting = matches!(
            reason,
            Some(ZoneReason::ControllersStarting | ZoneReason::TunnelsStarting)
        );
        let level = if starting && !subject.lasts(failing) {
            Level::Advice
        } else {
            Level::Wrong
        };
        let mut finding = subject.fails(failing, level);
        finding.remedies = remedies::remedies(zone, failing, &subject);
        findings.push(finding);
    }
    findings.extend(reached::unreached(zone, &subject));
    findings
}
