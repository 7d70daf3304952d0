//! Are the certificates valid, and for how long?

use jiff::SignedDuration;
use plenum_crds::{MeetingZone, labels};

use super::operator::COMPONENT;
use crate::finding::{Finding, Object, unseen};
use crate::render::span;
use crate::snapshot::{Certificate, Snapshot, name_of, namespace_of};

/// People get a month's notice.
const NOTICE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// What the operator should have renewed long before: ours live 90 days.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(14 * 24);
/// Whoever renews by program, as the operator and cert-manager do, does so with a third of the life
/// left. Less than this part of it is for nobody to wait for, as in the alerts.
const LAST_PART: i32 = 6;

pub(super) fn check(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings: Vec<Finding> = unseen("Secret", &snapshot.certificates.troubles).collect();
    findings.extend(unseen("MeetingZone", &snapshot.zones.troubles));
    let all = snapshot.certificates.iter();
    findings.extend(all.filter_map(|it| judge(snapshot, it)));
    findings
}

pub(super) fn of(snapshot: &Snapshot, zone: &MeetingZone) -> Vec<Finding> {
    snapshot
        .certificates
        .iter()
        .filter(|it| it.namespace == namespace_of(zone) && it.zone == name_of(zone))
        .filter_map(|it| judge(snapshot, it))
        .collect()
}

fn judge(snapshot: &Snapshot, certificate: &Certificate) -> Option<Finding> {
    let Certificate {
        namespace,
        secret,
        purpose,
        provided,
        ..
    } = certificate;
    let about = Object::named("Secret", namespace, secret);
    let remedy = remedy(certificate);
    let life = match &certificate.life {
        Ok(life) => life,
        Err(why) => {
            let what = format!("the certificate of {purpose} cannot be read");
            let finding = Finding::wrong("CertificateUnreadable", about, what);
            return Some(finding.why(why.clone()).remedy(remedy));
        }
    };
    let left = snapshot.now.duration_until(life.not_after);
    if left.is_negative() || left.is_zero() {
        let ago = span(left.abs().as_secs());
        let what = format!("the certificate of {purpose} ran out {ago} ago");
        let why = "who checks it turns away: people do not get in";
        let finding = Finding::wrong("CertificateExpired", about, what);
        return Some(finding.why(why).remedy(remedy));
    }
    if snapshot.now < life.not_before {
        let what = format!("the certificate of {purpose} is not valid yet");
        let why = format!("it begins at {}; or a clock is wrong", life.not_before);
        let finding = Finding::wrong("CertificateNotYetValid", about, what);
        return Some(finding.why(why).remedy(remedy));
    }
    let notice = if *provided { NOTICE } else { FORGOTTEN };
    let last_part = life.not_before.duration_until(life.not_after) / LAST_PART;
    (left < notice.min(last_part)).then(|| {
        let what = format!(
            "the certificate of {purpose} runs out in {}",
            span(left.as_secs())
        );
        let why = if *provided {
            "it was given by somebody, who has to renew it"
        } else {
            "the operator should have renewed it: it does not run, or may not"
        };
        let finding = Finding::advice("CertificateExpiring", about, what);
        finding.why(why).remedy(remedy)
    })
}

fn remedy(certificate: &Certificate) -> String {
    let Certificate {
        namespace,
        secret,
        key,
        ..
    } = certificate;
    match (certificate.provided, *key) {
        (true, "tls.crt") => format!(
            "kubectl -n {namespace} create secret tls {secret} --cert=FILE --key=FILE --dry-run=client -o yaml | kubectl apply -f -"
        ),
        // What else is in the Secret stays. Not every base64 can leave out the ends of lines itself.
        (true, key) => format!(
            "kubectl -n {namespace} patch secret {secret} -p \"{{data: {{{key}: $(base64 <{key} | tr -d '\\n')}}}}\"   # with the authority of now in {key}"
        ),
        (false, _) => format!(
            "kubectl get pods --all-namespaces -l {}={COMPONENT}   # the operator renews it when it runs; its log says what keeps it",
            labels::APP_COMPONENT
        ),
    }
}
