//! A zone: a controller that reports to a directory, and its routers.

use std::fs;
use std::path::{Path, PathBuf};

use plenum_transport::channel::{Channel, Dial, Received, Settings};
use plenum_transport::tls::{Identity, Trust, client_config};
use plenum_wire::directory::Expected;
use plenum_wire::join::Offer;
use plenum_wire::link::{FromOperator, LINK_PATH, OPERATOR_SUBPROTOCOL, ToOperator};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PKCS_ED25519, SanType,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::house::House;
use crate::ports;
use crate::programs::{Program, local, plenum, traced, within};
use crate::web::{Answer, Web};

/// Reports that directories heard, and others.
pub const HEARD: &str = r#"plenum_zone_directory_reports_total{result="heard"}"#;
pub const FAILED: &str = r#"plenum_zone_directory_reports_total{result="failed"}"#;

/// Routers that are connected.
const ROUTERS: &str = "plenum_zone_routers";

pub struct Zone {
    name: String,
    files: TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
    /// Clients, links, health.
    base: u16,
    controller: Option<Program>,
    routers: Vec<Program>,
    collector: Option<String>,
}

impl Zone {
    /// The same as [`Zone::open`], whose programs send their traces there.
    pub async fn open_traced(name: &str, house: &House, collector: &str) -> Self {
        let mut zone = Self::new(name);
        zone.collector = Some(collector.to_owned());
        zone.ready(house).await;
        zone
    }

    /// Registered, with a controller and a router, ready.
    pub async fn open(name: &str, house: &House) -> Self {
        let mut zone = Self::new(name);
        zone.ready(house).await;
        zone
    }

    async fn ready(&mut self, house: &House) {
        self.set_credential(&house.credential(&self.name).await);
        self.start(&[house]);
        self.add_router().await;
    }

    /// Nothing of it runs yet.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let zone = Self {
            name: name.to_owned(),
            files: tempfile::tempdir().unwrap(),
            authority: CertifiedIssuer::self_signed(params, key).unwrap(),
            base: ports::three(),
            controller: None,
            routers: Vec::new(),
            collector: None,
        };
        let keys = zone.file("keys");
        fs::create_dir(&keys).unwrap();
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        fs::write(keys.join("k1.pem"), key.serialize_pem()).unwrap();
        zone.write_tls("tls", "controller");
        zone.write_tls("router-tls", "router");
        zone.write_tls("operator-tls", "operator");
        zone
    }

    fn write_tls(&self, directory: &str, role: &str) {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        let uri = format!("spiffe://plenum.dev/{}/{role}", self.name);
        let uri = SanType::URI(uri.try_into().unwrap());
        params.subject_alt_names.push(uri);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.authority).unwrap();
        let directory = self.file(directory);
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("tls.crt"), certificate.pem()).unwrap();
        fs::write(directory.join("tls.key"), key.serialize_pem()).unwrap();
        fs::write(directory.join("ca.crt"), self.authority.pem()).unwrap();
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    pub fn set_credential(&self, credential: &str) {
        fs::write(self.file("credential"), credential).unwrap();
    }

    /// Starts the controller, which reports to these directories.
    pub fn start(&mut self, houses: &[&House]) {
        let urls: Vec<String> = houses.iter().map(|house| house.url()).collect();
        // Who vouches for each of them.
        let pem: String = houses
            .iter()
            .map(|house| fs::read_to_string(house.authority()).unwrap())
            .collect();
        fs::write(self.file("directory-ca"), pem).unwrap();
        self.control(&["--directory", &urls.join(",")], true);
    }

    /// Starts a controller that goes by the keys in a file, and reports to nobody.
    pub fn start_with_keys(&mut self, jwks: &Value) {
        fs::write(self.file("jwks"), jwks.to_string()).unwrap();
        let file = self.file("jwks").display().to_string();
        self.control(&["--directory-keys", &file], false);
    }

    fn control(&mut self, more: &[&str], reports: bool) {
        let [listen, link, health] = [0, 1, 2].map(|port| local(self.base + port));
        let mut command = plenum(&["zc", "--zone", &self.name, "--name", "zc-0"]);
        command
            .args(["--admission", "directory"])
            .args(["--listen", &listen.to_string()])
            .args(["--link", &link.to_string()])
            .args(["--health", &health.to_string()])
            .args(["--public-urls", &self.url()])
            .args(more);
        for (name, file) in [
            ("--tls", "tls"),
            ("--link-tls", "tls"),
            ("--signing-key", "keys"),
        ] {
            command.arg(name).arg(self.file(file));
        }
        if reports {
            command
                .arg("--directory-credential")
                .arg(self.file("credential"))
                .arg("--directory-ca")
                .arg(self.file("directory-ca"));
        }
        traced(&mut command, self.collector.as_deref());
        let log = self.file("zc.log");
        self.controller = Some(Program::start(command, &log, health));
    }

    /// Returns when it is connected.
    pub async fn add_router(&mut self) {
        let base = ports::three();
        let [https, media, health] = [0, 1, 2].map(|port| local(base + port));
        let name = format!("router-{}", self.routers.len());
        let mut command = plenum(&["mmr", "--router", &name, "--pool", "test.pool"]);
        command
            .args(["--controllers", &local(self.base + 1).to_string()])
            .args(["--address", "127.0.0.1"])
            .args(["--https", &https.to_string()])
            .args(["--media", &media.to_string()])
            .args(["--health", &health.to_string()])
            .arg("--link-tls")
            .arg(self.file("router-tls"));
        traced(&mut command, self.collector.as_deref());
        let log = self.file(&format!("{name}.log"));
        let there = self.routers.len() as u64;
        self.routers.push(Program::start(command, &log, health));
        self.controller().counts_beyond(ROUTERS, there).await;
    }

    /// Its routers do not notice.
    pub async fn controller_dies(&mut self) {
        self.controller.take().unwrap().die().await;
    }

    /// Returns when a new controller has heard of one.
    pub async fn router_is_back(&self) {
        self.controller().counts_beyond(ROUTERS, 0).await;
    }

    /// Returns when its controller says to an operator that these people are expected.
    pub async fn expects(&self, expected: &[Expected]) {
        let file = |name| fs::read(self.file("operator-tls").join(name)).unwrap();
        let identity = Identity::from_pem(&file("tls.crt"), &file("tls.key")).unwrap();
        let trust = Trust::from_pem(&file("ca.crt")).unwrap();
        let request = Dial {
            addr: local(self.base + 1),
            server_name: "localhost".to_owned(),
            path: LINK_PATH.to_owned(),
            subprotocol: OPERATOR_SUBPROTOCOL.to_owned(),
            tls: client_config(&trust, Some(&identity), &[b"http/1.1"]).unwrap(),
        };
        let link = Box::pin(Channel::dial_with(request, Settings::default())).await;
        let link: Channel<ToOperator, FromOperator> = link.unwrap();
        let (_sender, mut reports) = link.split();
        within(async {
            loop {
                match reports.next().await {
                    Received::Message(ToOperator::Report { expected: told, .. }) => {
                        if told == expected {
                            return;
                        }
                    }
                    other => panic!("{other:?}"),
                }
            }
        })
        .await;
    }

    /// The router of that number dies.
    pub async fn router_dies(&mut self, number: usize) {
        self.routers[number].die().await;
    }

    pub fn controller(&self) -> &Program {
        self.controller.as_ref().unwrap()
    }

    pub fn url(&self) -> String {
        format!("https://{}", local(self.base))
    }

    pub fn authority(&self) -> PathBuf {
        self.file("tls").join(Path::new("ca.crt"))
    }

    /// Asks the controller for a router, with this token and this ticket.
    pub async fn join(&self, meeting: &str, token: Option<&str>, last: Option<&Offer>) -> Answer {
        let mut web = Web::new(&self.url(), &self.authority());
        if let Some(token) = token {
            web = web.with(token);
        }
        let body = last.map_or(
            json!({}),
            |offer| json!({ "ticket": offer.ticket, "participant": offer.participant }),
        );
        web.post(&format!("/v1/meetings/{meeting}/join"), &body)
            .await
    }
}

/// The router that was offered.
pub fn offer(answer: Answer) -> Offer {
    serde_json::from_value(answer.good()).unwrap()
}
