//! Certificates vouch for the names that peers ask for, and for no others.

use super::*;

fn listed(renewed: &Renewed, role: Role) -> Vec<String> {
    certificates(renewed)[&role]
        .names
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn each_role_has_its_names_and_uses() {
    let first = pass(&Seen::default(), start());
    assert_eq!(
        listed(&first, Role::Public),
        [
            "berlin-ht.meetings.svc",
            "berlin-ht.meetings.svc.cluster.local",
            "berlin-zc.meetings.svc",
            "berlin-zc.meetings.svc.cluster.local",
            "meet.example.org",
            "192.0.2.7"
        ]
    );
    assert_eq!(
        listed(&first, Role::Controller),
        [
            "*.berlin-zc-link.meetings.svc",
            "berlin-zc-link.meetings.svc",
            "spiffe://plenum.dev/meetings.berlin/controller"
        ]
    );
    assert_eq!(
        listed(&first, Role::Router),
        ["spiffe://plenum.dev/meetings.berlin/router"]
    );
    assert_eq!(
        listed(&first, Role::Operator),
        ["spiffe://plenum.dev/meetings.berlin/operator"]
    );
    assert_eq!(
        listed(&first, Role::Tunnel),
        ["spiffe://plenum.dev/meetings.berlin/tunnel"]
    );
    let uses = certificates(&first)
        .into_iter()
        .map(|(role, c)| (role, (c.server, c.client)))
        .collect::<BTreeMap<_, _>>();
    assert_eq!(uses[&Role::Public], (true, false));
    assert_eq!(uses[&Role::Controller], (true, true));
    assert_eq!(uses[&Role::Router], (false, true));
    assert_eq!(uses[&Role::Operator], (false, true));
}

#[test]
fn the_public_certificate_opens_no_door_inside_the_zone() {
    let first = pass(&Seen::default(), start());
    let mut public = certificates(&first).remove(&Role::Public).unwrap();
    // Ask the verifier as if it were shown by a client.
    (public.server, public.client) = (false, true);
    assert!(!accepts(&first.authority[BUNDLE], &public, start()));
}

#[test]
fn a_new_hostname_renews_only_the_public_certificate() {
    let first = pass(&Seen::default(), start());
    let mut changed = zone();
    changed.hostnames.push("2001:db8::7".into());
    let second = renew(&written(&first), &changed, &ROLES, start() + days(1)).unwrap();
    assert!(listed(&second, Role::Public).contains(&"2001:db8::7".to_owned()));
    for role in [Role::Controller, Role::Router, Role::Operator] {
        assert_eq!(second.leaves[&role], first.leaves[&role]);
    }
    // And back again: the former names, not both.
    let third = pass(&written(&second), start() + days(2));
    assert_eq!(listed(&third, Role::Public), listed(&first, Role::Public));
}

#[test]
fn a_name_that_no_certificate_can_carry_is_refused_with_the_name() {
    let mut wrong = zone();
    wrong.hostnames = vec!["münchen.example".into()];
    let error = renew(&Seen::default(), &wrong, &ROLES, start()).unwrap_err();
    assert!(error.to_string().contains("münchen"), "{error}");
}

#[test]
fn the_longest_names_fit() {
    let long = ZoneNames {
        namespace: "n".repeat(63),
        name: "z".repeat(40),
        hostnames: vec![],
    };
    let made = renew(&Seen::default(), &long, &ROLES, start()).unwrap();
    assert_eq!(made.leaves.len(), ROLES.len());
}
