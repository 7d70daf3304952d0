//! Joins that cannot work: each ends with its exit status and a sentence that helps.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use plenum_client::exit;
use rcgen::{CertificateParams, KeyPair, PKCS_ED25519};
use serde_json::json;

use crate::ports;
use crate::site::{Ended, Site, plenum, sample};
use crate::web;

#[tokio::test]
async fn an_unknown_meeting_is_refused_and_a_known_one_is_not() {
    let site = Site::start(&["--meetings", "100,200"]).await;
    let unknown = Ended::of(site.join("4711").spawn().unwrap()).await;
    let parts = [
        "cannot join meeting 4711",
        "no such meeting",
        "check the meeting's number",
    ];
    unknown.assert_failed(exit::REFUSED, &parts);
    let mut known = site.join("200");
    let known = Ended::of(known.args(["--for", "0"]).spawn().unwrap()).await;
    assert_eq!(known.status, 0, "{known:?}");
    assert_counted(&site, "unknown_meeting", 1).await;
}

/// Checks what the zone counted. A client that gets no answer for 150 ms asks a second time,
/// so on a busy machine there may be more answers than joins.
async fn assert_counted(site: &Site, result: &str, joins: u64) {
    let sample = format!(r#"plenum_zone_joins_total{{result="{result}"}}"#);
    let counted = site.metric(&sample).await;
    assert!(
        (joins..=2 * joins).contains(&counted),
        "{result}: {counted}"
    );
}

#[tokio::test]
async fn what_is_no_meeting_or_no_name_is_refused_at_the_shell_and_by_the_zone() {
    let site = Site::start(&[]).await;
    let ended = Ended::of(site.join("no meeting").spawn().unwrap()).await;
    assert_eq!(ended.status, i32::from(exit::USAGE), "{ended:?}");
    assert!(ended.stderr.contains("--meeting <ID>"), "{ended:?}");
    // Somebody else's client may send it all the same.
    let answer = web::request(&site, "POST", "/v1/meetings/no%20meeting/join", "{}").await;
    assert_eq!(answer.status, 400);
    assert!(answer.problem().detail.contains("meeting"), "{answer:?}");
    let name = json!({ "name": "x".repeat(129) }).to_string();
    let answer = web::request(&site, "POST", "/v1/meetings/4711/join", &name).await;
    assert_eq!(answer.status, 400);
    let detail = answer.problem().detail;
    assert!(detail.contains("at most 128 bytes"), "{detail}");
    let bad = r#"plenum_zone_joins_total{result="bad_request"}"#;
    assert_eq!(site.metric(bad).await, 2);
}

/// What may pass is tried for 15 s; both at once.
#[tokio::test]
async fn a_full_site_and_an_empty_port_are_tried_again_and_then_told_apart() {
    let site = Site::start(&["--participants", "1"]).await;
    let _first = site.join("4711").spawn().unwrap();
    site.until("plenum_participants", |there| there == 1).await;
    let mut nobody = plenum();
    let nowhere = format!("https://127.0.0.1:{}", ports::three());
    nobody.args([
        "join",
        "--output",
        "json",
        "--meeting",
        "4711",
        "--zone",
        &nowhere,
    ]);
    let (full, nobody) = tokio::join!(
        Ended::of(site.join("4711").spawn().unwrap()),
        Ended::of(nobody.spawn().unwrap()),
    );
    full.assert_failed(exit::FULL, &["full", "Try again later", "times in"]);
    let parts = [
        "no zone controller answered",
        &nowhere,
        "refused",
        "Check the address",
    ];
    nobody.assert_failed(exit::UNREACHABLE, &parts);
    assert_eq!(site.metric("plenum_participants").await, 1);
}

#[tokio::test]
async fn a_wrong_authority_is_not_trusted() {
    let site = Site::start(&[]).await;
    let key = KeyPair::generate().unwrap();
    let other = CertificateParams::default().self_signed(&key).unwrap();
    std::fs::write(site.file("other.crt"), other.pem()).unwrap();
    std::fs::write(site.file("garbled.crt"), "no certificate").unwrap();
    let trusting = async |authority: Option<&str>| {
        let mut join = plenum();
        join.args([
            "join",
            "--output",
            "json",
            "--meeting",
            "4711",
            "--zone",
            &site.url(),
        ]);
        if let Some(name) = authority {
            join.arg("--ca").arg(site.file(name));
        }
        Ended::of(join.spawn().unwrap()).await
    };
    let parts = ["is not trusted", "--ca FILE", &site.url()];
    for wrong in [Some("other.crt"), None] {
        trusting(wrong)
            .await
            .assert_failed(exit::UNREACHABLE, &parts);
    }
    let garbled = trusting(Some("garbled.crt")).await;
    garbled.assert_failed(exit::OTHER, &["certificate authority", "PEM"]);
    let missing = trusting(Some("missing.crt")).await;
    missing.assert_failed(exit::OTHER, &["missing.crt", "No such file"]);
}

#[tokio::test]
async fn a_file_that_cannot_be_played_is_named() {
    let site = Site::start(&[]).await;
    let camera = std::fs::read(sample("camera.ivf")).unwrap();
    std::fs::write(site.file("garbled.ivf"), &camera[100..]).unwrap();
    std::fs::write(site.file("cut.ivf"), &camera[..20_000]).unwrap();
    std::fs::write(site.file("empty.ogg"), "").unwrap();
    let play = async |kind: &str, file: &Path| {
        let mut join = site.join("4711");
        join.arg(kind).arg(file);
        Ended::of(join.spawn().unwrap()).await
    };
    for (kind, name) in [
        ("--audio", "missing.ogg"),
        ("--audio", "empty.ogg"),
        ("--video", "garbled.ivf"),
        ("--content", "cut.ivf"),
    ] {
        let ended = play(kind, &site.file(name)).await;
        ended.assert_failed(exit::OTHER, &[name]);
    }
    let swapped = play("--video", &sample("alice.ogg")).await;
    swapped.assert_failed(exit::USAGE, &["alice.ogg", "opus is not for --video"]);
}

#[tokio::test]
async fn wrong_use_of_the_command_line_is_explained() {
    let join = ["join", "--meeting", "1"];
    let zone = ["join", "--meeting", "1", "--zone", "https://127.0.0.1:9"];
    let serve = ["serve", "--listen", "127.0.0.1"];
    for (command, more, part) in [
        (&join[..], &[][..], "--zone <URL>"),
        (
            &zone[..],
            &["--rung", "sctp"][..],
            "write auto, udp, tcp or tls",
        ),
        (&zone[..], &["--for", "soon"][..], "--for <SECONDS>"),
        (
            &zone[..],
            &["--name", &"x".repeat(129)][..],
            "a display name has at most 128 bytes, not 129",
        ),
        (&serve[..], &["--port-base", "0"][..], "--port-base <N>"),
        (
            &serve[..],
            &["--admission", "sometimes"][..],
            "possible values: open, directory",
        ),
    ] {
        let ended = Ended::of(plenum().args(command).args(more).spawn().unwrap()).await;
        assert_eq!(ended.status, i32::from(exit::USAGE), "{ended:?}");
        assert!(ended.stderr.contains(part), "{ended:?}");
    }
    let mut plain = plenum();
    plain.args([
        "join",
        "--output",
        "json",
        "--meeting",
        "1",
        "--zone",
        "http://127.0.0.1:9",
    ]);
    let plain = Ended::of(plain.spawn().unwrap()).await;
    plain.assert_failed(exit::OTHER, &["is not HTTPS", "write https://HOST"]);
}

/// The directory's key pair.
struct Directory(KeyPair);

impl Directory {
    fn new() -> Self {
        Self(KeyPair::generate_for(&PKCS_ED25519).unwrap())
    }

    /// The JSON Web Key Set that it publishes.
    fn keys(&self) -> String {
        let public = DecodingKey::from_ed_der(self.0.public_key_raw());
        let mut key = Jwk::from_decoding_key(&public, Some(Algorithm::EdDSA)).unwrap();
        key.common.key_id = Some("d1".to_owned());
        json!({ "keys": [key] }).to_string()
    }

    fn token(&self, meeting: &str, expires: u64) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some("d1".to_owned());
        let key = EncodingKey::from_ed_pem(self.0.serialize_pem().as_bytes()).unwrap();
        let claims = json!({
            "iss": "https://meet.example.org", "sub": "ada", "aud": ["local.site"],
            "meeting": meeting, "role": "participant", "iat": 0, "exp": expires, "jti": "1",
        });
        jsonwebtoken::encode(&header, &claims, &key).unwrap()
    }
}

#[tokio::test]
async fn a_zone_with_a_directory_wants_its_token_for_this_meeting() {
    let directory = Directory::new();
    let home = tempfile::tempdir().unwrap();
    let keys = home.path().join("keys.json");
    std::fs::write(&keys, directory.keys()).unwrap();
    let keys = keys.to_str().unwrap();
    let site = Site::start(&["--admission", "directory", "--directory-keys", keys]).await;
    let join = async |token: Option<&str>| {
        let mut join = site.join("4711");
        join.args(["--for", "0"]);
        if let Some(token) = token {
            join.args(["--token", token]);
        }
        Ended::of(join.spawn().unwrap()).await
    };

    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let later = now + 3_600;
    let good = join(Some(&directory.token("4711", later))).await;
    assert_eq!(good.status, 0, "{good:?}");
    let without = join(None).await;
    without.assert_failed(exit::REFUSED, &["asks for a token", "directory"]);
    let bad = [
        Directory::new().token("4711", later),
        directory.token("4711", now - 1),
        directory.token("4712", later),
        "garbage".to_owned(),
    ];
    for token in &bad {
        let ended = join(Some(token)).await;
        let parts = ["cannot join meeting 4711", "does not allow", "new token"];
        ended.assert_failed(exit::REFUSED, &parts);
        assert!(!ended.stdout.contains(token.as_str()), "a secret is told");
    }
    assert_counted(&site, "token_required", 1).await;
    assert_counted(&site, "forbidden", 4).await;
    assert_counted(&site, "placed", 1).await;
}
