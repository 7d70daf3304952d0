//! The chart's directory: who makes its certificate, and which image it runs.

use serde_yaml::Value;

use crate::render::{Object, chart, try_render};

const DIRECTORY: &str = "directory.enabled=true,directory.hostnames={meet.example.org}";
/// An issuer, and what it is to make for a zone.
const ISSUER: &str = "certManager.issuerRef.name=public,certManager.certificates[0].namespace=m,\
    certManager.certificates[0].secretName=s,certManager.certificates[0].dnsNames={a.example.org}";

fn rendered(more: &[&str]) -> Vec<Object> {
    let settings = [&[DIRECTORY][..], more].concat().join(",");
    try_render(&chart(), &["--set", &settings])
        .unwrap_or_else(|complaint| panic!("{settings}: {complaint}"))
}

fn deployment(objects: &[Object]) -> &Object {
    let id = "Deployment plenum-system/plenum-directory";
    let mut objects = objects.iter();
    objects.find(|it| it.id() == id).expect("a directory")
}

/// Its options are those of the chart's own version.
#[test]
#[ignore = "needs helm: make test-chart"]
fn it_runs_the_charts_image_whatever_the_data_plane_is_pinned_to_unless_it_has_its_own() {
    let ours = "image.repository=r/plenum,image.tag=v2";
    let pinned = "dataPlane.image=r/plenum:1";
    let image = |more: &[&str]| {
        let objects = rendered(more);
        let image = deployment(&objects).text("spec.template.spec.containers.0.image");
        image.to_owned()
    };
    assert_eq!(image(&[ours]), "r/plenum:v2");
    assert_eq!(image(&[ours, pinned]), "r/plenum:v2");
    assert_eq!(image(&[ours, pinned, "directory.image=r/d:3"]), "r/d:3");
}

/// Where the directory has its certificate from, by the arguments of its program, and the Secrets
/// that cert-manager is asked to fill.
fn made(more: &[&str]) -> (String, Vec<String>) {
    let objects = rendered(more);
    let directory = deployment(&objects);
    let arguments = directory.at("spec.template.spec.containers.0.args");
    let arguments = arguments.as_sequence().expect("a list").iter();
    let from = arguments
        .filter_map(Value::as_str)
        .find(|argument| *argument == "--self-signed" || argument.starts_with("--tls"))
        .expect("a certificate");
    let asked = objects
        .iter()
        .filter(|object| object.text("kind") == "Certificate")
        .map(|certificate| certificate.text("spec.secretName").to_owned());
    (from.to_owned(), asked.collect())
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn a_directory_keeps_its_own_authority_beside_an_issuer_for_zones_where_it_is_told_to() {
    let own = ("--self-signed".to_owned(), vec!["s".to_owned()]);
    assert_eq!(made(&[]).0, own.0);
    assert_eq!(made(&[ISSUER, "directory.tls.source=Own"]), own);
    assert_eq!(made(&["directory.tls.source=Own"]).1, [""; 0]);
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn unless_told_it_takes_what_is_named() {
    let files = "--tls=/etc/plenum/tls".to_owned();
    let both = ["plenum-directory-tls", "s"].map(str::to_owned).to_vec();
    assert_eq!(made(&[ISSUER]), (files.clone(), both.clone()));
    let told = "directory.tls.source=CertManager";
    assert_eq!(made(&[ISSUER, told]), (files.clone(), both));
    let secret = "directory.tls.existingSecret=mine";
    for settings in [
        &[ISSUER, secret][..],
        &[ISSUER, secret, "directory.tls.source=Secret"],
    ] {
        let mine = (files.clone(), vec!["s".to_owned()]);
        assert_eq!(made(settings), mine, "{settings:?}");
    }
}

#[test]
#[ignore = "needs helm: make test-chart"]
fn what_does_not_fit_together_is_refused_with_what_to_write() {
    for (more, said) in [
        ("source=Secret", "write directory.tls.existingSecret"),
        ("source=CertManager", "write certManager.issuerRef.name"),
        (
            "source=Own,directory.tls.existingSecret=mine",
            "leave one of them out",
        ),
        ("source=Mine", "CertManager"),
    ] {
        let settings = format!("{DIRECTORY},directory.tls.{more}");
        let refused = try_render(&chart(), &["--set", &settings]).expect_err(more);
        assert!(refused.contains(said), "{more}: {refused}");
    }
}
