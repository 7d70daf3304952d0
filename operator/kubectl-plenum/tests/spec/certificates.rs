//! Certificates run out.

use jiff::SignedDuration;
use kubectl_plenum::finding::Level;
use kubectl_plenum::snapshot::{Seen, Snapshot};

use crate::world::{findings, found, healthy, lasting};

fn holding(provided: bool, days: i64) -> Snapshot {
    let mut seen = healthy();
    seen.certificates = Seen::of(vec![lasting("own-tls", provided, days)]);
    seen
}

#[test]
fn one_that_ran_out_is_wrong_and_says_how_to_replace_it() {
    let finding = found(&holding(true, -3), "CertificateExpired");
    assert_eq!(finding.level, Level::Wrong);
    assert_eq!(
        finding.what,
        "the certificate of controllers, to clients ran out 3d ago"
    );
    assert!(finding.remedies[0].contains("create secret tls own-tls"));
}

#[test]
fn one_that_somebody_gave_is_told_a_month_ahead() {
    let finding = found(&holding(true, 20), "CertificateExpiring");
    assert_eq!(finding.level, Level::Advice);
    assert!(finding.what.ends_with("runs out in 20d"), "{finding:?}");
    assert_eq!(findings(&holding(true, 40)), []);
}

#[test]
fn one_that_the_operator_renews_is_told_only_when_it_should_have() {
    assert_eq!(findings(&holding(false, 20)), []);
    let finding = found(&holding(false, 10), "CertificateExpiring");
    assert!(
        finding.remedies[0].contains("app.kubernetes.io/component=operator"),
        "{finding:?}"
    );
}

#[test]
fn one_that_lives_shortly_is_told_in_the_last_sixth_of_its_life() {
    for (of_days, fine, late) in [(7, 2, 1), (60, 11, 9), (90, 16, 13)] {
        for provided in [true, false] {
            let living = |left| {
                let mut seen = holding(provided, left);
                let life = seen.certificates.items[0].life.as_mut().unwrap();
                life.not_before = life.not_after - SignedDuration::from_hours(24 * of_days);
                seen
            };
            assert_eq!(findings(&living(fine)), [], "{fine} of {of_days} days left");
            found(&living(late), "CertificateExpiring");
        }
    }
}

#[test]
fn one_that_cannot_be_read_or_is_not_valid_yet_is_wrong() {
    let mut seen = holding(true, 20);
    seen.certificates.items[0].life = Err("tls.crt is not X.509 in PEM".to_owned());
    assert_eq!(
        found(&seen, "CertificateUnreadable").why,
        "tls.crt is not X.509 in PEM"
    );
    let mut seen = holding(true, 20);
    let life = seen.certificates.items[0].life.as_mut().unwrap();
    life.not_before = life.not_after;
    found(&seen, "CertificateNotYetValid");
}

#[test]
fn that_of_a_directory_is_told_too_and_an_authority_is_replaced_beside_what_else_there_is() {
    let mut seen = holding(true, -3);
    seen.certificates.items[0].zone = String::new();
    seen.certificates.items[0].key = "ca.crt";
    let finding = found(&seen, "CertificateExpired");
    assert_eq!(
        finding.remedies,
        [
            "kubectl -n meetings patch secret own-tls -p \"{data: {ca.crt: $(base64 <ca.crt | tr -d '\\n')}}\"   # with the authority of now in ca.crt"
        ]
    );
}
