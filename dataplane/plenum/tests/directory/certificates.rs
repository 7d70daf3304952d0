//! A certificate as public authorities issue it: `tls.crt` and `tls.key`, and no `ca.crt` beside
//! them. Clients know who vouches for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use axum::http::Method;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use serde_json::json;

use crate::ports;
use crate::programs::{Program, local, plenum, printed};
use crate::web::Web;

/// An authority that nobody else has. Its certificate is written to `file`.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: PathBuf,
}

impl Authority {
    fn new(file: PathBuf) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        fs::write(&file, issuer.pem()).unwrap();
        Self { issuer, file }
    }

    /// A certificate for this machine, until 2100.
    fn issue(&self, directory: &Path) {
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.not_after = date_time_ymd(2100, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        fs::create_dir(directory).unwrap();
        fs::write(directory.join("tls.crt"), certificate.pem()).unwrap();
        fs::write(directory.join("tls.key"), key.serialize_pem()).unwrap();
    }
}

#[tokio::test]
async fn who_trusts_its_authority_signs_in() {
    let files = tempfile::tempdir().unwrap();
    let path = |name: &str| files.path().join(name);
    let authority = Authority::new(path("authority.pem"));
    let stranger = Authority::new(path("stranger.pem"));
    authority.issue(&path("tls"));
    let base = ports::three();
    let (listen, health) = (local(base), local(base + 1));
    let mut command = plenum(&["directory", "--output", "json", "--tls"]);
    command
        .arg(path("tls"))
        .arg("--data-dir")
        .arg(path("data"))
        .args(["--listen", &listen.to_string()])
        .args(["--health", &health.to_string()])
        .stdout(Stdio::piped());
    let mut directory = Program::start(command, &path("log"), health);
    let ready = directory.first_line().await;
    let url = format!("https://{listen}");
    assert_eq!(ready["directory"], url);
    assert!(ready["ca"].is_null(), "it has no authority of its own");
    // For whoever is to renew it.
    let ends = "plenum_directory_certificate_expiration_timestamp_seconds";
    assert_eq!(directory.metric(ends).await, 4_102_444_800);

    let mut add = plenum(&["directory", "user", "add", "ada", "--output", "json"]);
    add.arg("--data-dir").arg(path("data"));
    let made = printed(add).await;
    let sign_in = json!({ "name": "ada", "password": made["password"] });
    let web = Web::new(&url, &authority.file);
    let session = web.post("/v1/sessions", &sign_in).await.good();
    assert!(session["token"].is_string());
    let others = Web::new(&url, &stranger.file);
    let refused = others.ask(Method::POST, "/v1/sessions", &sign_in).await;
    assert!(refused.is_err(), "nobody else vouches for it");
}
