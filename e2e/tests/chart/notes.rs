//! What helm says after an installation can be done.

use crate::render::notes;

#[test]
#[ignore = "needs helm: make test-chart"]
fn a_directorys_authority_is_asked_for_only_where_it_has_made_one() {
    let directory = "directory.enabled=true,directory.hostnames={meet.example.org}";
    let asks = |more: &str| notes(&format!("{directory}{more}")).contains("plenum directory ca");
    assert!(asks(""));
    assert!(!asks(",directory.tls.existingSecret=mine"));
    let issuer = ",certManager.issuerRef.name=public";
    assert!(!asks(issuer));
    assert!(asks(&format!("{issuer},directory.tls.source=Own")));
}
