//! `plenum doctor`: what it finds in a good network, and in bad ones.

use plenum_client::exit;
use plenum_emulator::{HttpProxy, ProxyRules};
use serde_json::{Value, json};

use crate::site::{Ended, Site, plenum};

/// `plenum doctor` with a site, its authority and more.
async fn doctor(site: &Site, more: &[&str]) -> Ended {
    told(site, "json", more).await
}

async fn told(site: &Site, output: &str, more: &[&str]) -> Ended {
    let mut doctor = plenum();
    doctor
        .args(["doctor", "--output", output, "--zone", &site.url()])
        .args(more);
    doctor.arg("--ca").arg(site.file("ca.crt"));
    Ended::of(doctor.spawn().unwrap()).await
}

/// How each finding of a subject is.
fn health(report: &Value, subject: &str) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    let of = findings.filter(|finding| finding["subject"] == subject);
    of.map(|finding| finding["health"].as_str().unwrap().to_owned())
        .collect()
}

fn advice(report: &Value) -> String {
    report["advice"].to_string()
}

#[tokio::test]
async fn a_good_network_gets_a_clean_bill() {
    let site = Site::start(&[]).await;
    let ended = doctor(&site, &[]).await;
    assert_eq!(ended.status, i32::from(exit::OK), "{ended:?}");
    let report = ended.report();
    assert_eq!(report["schema"], "plenum.doctor/1");
    assert_eq!(
        (&report["joinable"], &report["route"]),
        (&json!(true), &json!("direct"))
    );
    let media = json!({ "audio": "udp", "video": "udp", "content": "udp" });
    assert_eq!(report["media"], media, "{report}");
    for subject in ["name", "port", "certificate", "test", "join"] {
        assert_eq!(health(&report, subject), ["works"], "{subject}: {report}");
    }
    assert_eq!(health(&report, "rung"), ["works"; 3], "{report}");
    let open = report["ports"].as_array().unwrap();
    assert!(
        open.iter().all(|opening| opening["open"] == true),
        "{report}"
    );
    assert_eq!(advice(&report), "[]");
}

#[tokio::test]
async fn a_person_reads_the_same_in_sentences() {
    let site = Site::start(&[]).await;
    let ended = told(&site, "text", &["--meeting", "4711"]).await;
    assert_eq!(ended.status, i32::from(exit::OK), "{ended:?}");
    for part in [
        "join         meeting 4711",
        "A meeting can be joined from here",
        "audio takes udp",
        "media at its best",
    ] {
        assert!(
            ended.stdout.contains(part),
            "{part:?} is not in: {}",
            ended.stdout
        );
    }
}

#[tokio::test]
async fn an_authority_that_is_not_given_is_found_missing() {
    let site = Site::start(&[]).await;
    let mut doctor = plenum();
    doctor.args(["doctor", "--output", "json", "--zone", &site.url()]);
    let ended = Ended::of(doctor.spawn().unwrap()).await;
    assert_eq!(ended.status, i32::from(exit::UNREACHABLE), "{ended:?}");
    let report = ended.report();
    assert_eq!(report["joinable"], false);
    assert_eq!(health(&report, "port"), ["works"], "{report}");
    assert_eq!(health(&report, "certificate"), ["blocked"], "{report}");
    assert!(advice(&report).contains("--ca FILE"), "{report}");
}

#[tokio::test]
async fn a_meeting_that_is_not_there_is_the_only_thing_wrong() {
    let site = Site::start(&["--meetings", "100"]).await;
    let ended = doctor(&site, &["--meeting", "4711"]).await;
    assert_eq!(ended.status, i32::from(exit::REFUSED), "{ended:?}");
    let report = ended.report();
    assert_eq!(health(&report, "test"), ["works"], "{report}");
    assert_eq!(health(&report, "join"), ["blocked"], "{report}");
    assert!(advice(&report).contains("no such meeting"), "{report}");
    let good = doctor(&site, &["--meeting", "100"]).await;
    assert_eq!(good.status, i32::from(exit::OK), "{good:?}");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named_without_its_password() {
    let site = Site::start(&[]).await;
    let rules = ProxyRules {
        authorization: Some("Basic YWRhOnJpZ2h0".to_owned()),
        ..ProxyRules::default()
    };
    let proxy = HttpProxy::start(rules).await.unwrap();
    let told = format!("http://ada:wrong@{}", proxy.address());
    let ended = doctor(&site, &["--proxy", &told]).await;
    assert_eq!(ended.status, i32::from(exit::UNREACHABLE), "{ended:?}");
    let report = ended.report();
    assert!(
        health(&report, "proxy").contains(&"blocked".to_owned()),
        "{report}"
    );
    assert!(advice(&report).contains("credentials"), "{report}");
    assert!(
        !ended.stdout.contains("wrong"),
        "a secret is told: {report}"
    );
    let right = format!("http://ada:right@{}", proxy.address());
    let good = doctor(&site, &["--proxy", &right]).await;
    assert_eq!(good.status, i32::from(exit::OK), "{good:?}");
    assert_eq!(good.report()["route"], "proxy");
}
