//! Are the zones ready, and if not, what do they say?

use plenum_crds::conditions::{ZoneCondition, ZoneReason};
use plenum_crds::{CertificateSource, MeetingZone};

use super::conditions::Subject;
use crate::finding::{Finding, Level, Object, unseen};
use crate::snapshot::{Snapshot, name_of, namespace_of};

const KIND: &str = "MeetingZone";

pub(super) fn check(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings: Vec<Finding> = unseen(KIND, &snapshot.zones.troubles).collect();
    if snapshot.zones.is_empty() && snapshot.zones.is_whole() {
        let place = snapshot.namespace.as_deref();
        let about = Object::named(KIND, place.unwrap_or_default(), "(none)");
        findings.push(
            Finding::advice("NoZone", about, "there is no zone here")
                .why("a zone is made by applying a MeetingZone and an MMRPool")
                .remedy("kubectl apply -f charts/plenum/examples/zone.yaml -f charts/plenum/examples/pool.yaml"),
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
        let finding = subject.fails(failing, level);
        findings.push(finding.remedy(remedy(zone, reason, &subject)));
    }
    findings
}

fn remedy(
    zone: &MeetingZone,
    reason: Option<ZoneReason>,
    subject: &Subject<'_, MeetingZone>,
) -> String {
    let (namespace, name) = (namespace_of(zone), name_of(zone));
    let pods = |component: &str| {
        format!(
            "kubectl -n {namespace} get pods -l plenum.dev/zone={name},app.kubernetes.io/component={component}"
        )
    };
    let given = zone.spec.certificates.secret_name.as_deref();
    let given = given.filter(|_| zone.spec.certificates.source == CertificateSource::Secret);
    match reason {
        Some(
            ZoneReason::SecretNotFound | ZoneReason::SecretInvalid | ZoneReason::CertificateExpired,
        ) if given.is_some() => format!(
            "kubectl -n {namespace} create secret tls {} --cert=FILE --key=FILE --dry-run=client -o yaml | kubectl apply -f -",
            given.unwrap_or_default()
        ),
        Some(ZoneReason::NoPool) => format!(
            "kubectl -n {namespace} apply -f charts/plenum/examples/pool.yaml   # with spec.zone: {name}"
        ),
        Some(ZoneReason::NoRouterAccepting) => {
            format!("kubectl -n {namespace} get mmrpools   # the findings about pools say why")
        }
        Some(ZoneReason::ControllersUnavailable | ZoneReason::ControllersStarting) => {
            pods("zone-controller")
        }
        Some(ZoneReason::TunnelsUnavailable | ZoneReason::TunnelsStarting) => pods("tunnel"),
        Some(ZoneReason::InvalidSpec) => subject.command("edit"),
        _ => subject.command("describe"),
    }
}
