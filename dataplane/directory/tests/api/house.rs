//! A directory that runs: its database, its port, and who lives in it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use plenum_directory::api::{self, API_TOKEN, Config, Directory, Readiness};
use plenum_directory::model::{AccountRole, LoginKind, NewAccount, NewLogin, Showed};
use plenum_directory::random;
use plenum_directory::store::{self, Store};
use plenum_transport::https;
use plenum_transport::tls::{Identity, Trust, client_config, server_config};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::harness::files;
use crate::http::Client;

/// A test that hangs fails. Slow ones do not: the machine may be slow.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often zones repeat what they said.
const REPEAT: Duration = Duration::from_secs(2);
/// How often a condition is looked at.
const PACE: Duration = Duration::from_millis(10);

pub async fn within<T>(future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, future).await;
    done.expect("takes longer than two minutes")
}

/// Asks until the answer is the one that is waited for.
pub async fn until<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    within(async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(PACE).await;
        }
    })
    .await
}

/// Where a database is.
pub struct Place {
    config: store::Config,
    _directory: Option<TempDir>,
}

impl Place {
    pub fn sqlite() -> Self {
        let directory = files();
        let file = directory.path().join("directory.db");
        Self {
            config: patient(store::Config::file(&file)),
            _directory: Some(directory),
        }
    }

    pub fn url(url: String) -> Self {
        Self {
            config: patient(store::Config::new(url)),
            _directory: None,
        }
    }

    /// One that goes away, which is found out as soon as it is in earnest.
    pub fn that_goes_away(url: String) -> Self {
        Self {
            config: store::Config::new(url),
            _directory: None,
        }
    }

    pub async fn store(&self) -> Store {
        Store::open(&self.config).await.unwrap()
    }
}

/// However slow the machine is, and busy its disk.
fn patient(config: store::Config) -> store::Config {
    store::Config {
        patience: PATIENCE,
        answer: PATIENCE,
        ..config
    }
}

/// A directory that runs.
pub struct House {
    pub client: Client,
    pub directory: Directory,
    pub ready: Readiness,
    registry: Registry,
    stop: CancellationToken,
    _guard: DropGuard,
}

pub fn config() -> Config {
    Config::new("https://directory.test")
}

impl House {
    pub async fn open(place: &Place) -> Self {
        Self::with(place, config()).await
    }

    pub async fn with(place: &Place, config: Config) -> Self {
        let mut house = Self::unready(place, config).await;
        within(house.ready.wait_for(|ready| *ready)).await.unwrap();
        house
    }

    pub async fn unready(place: &Place, config: Config) -> Self {
        let stop = CancellationToken::new();
        let mut registry = Registry::default();
        let directory = Directory::new(config, place.store().await, &mut registry);
        let ready = api::keep_up(directory.clone(), stop.clone());
        let identity = Identity::self_signed(&["localhost".to_owned()]).unwrap();
        let (certificate, tls) =
            watch::channel(server_config(&identity, None, &[b"http/1.1"]).unwrap());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (app, end) = (api::app(directory.clone()), stop.clone());
        tokio::spawn(async move {
            https::serve(listener, tls, app, end).await;
            drop(certificate);
        });
        let trust = Trust::Pinned(identity.fingerprint());
        Self {
            client: client(address, &trust),
            directory,
            ready,
            registry,
            _guard: stop.clone().drop_guard(),
            stop,
        }
    }

    pub fn store(&self) -> &Store {
        self.directory.store()
    }

    /// Somebody with an API token.
    pub async fn somebody(&self, name: &str, role: AccountRole) -> Client {
        let account = NewAccount {
            name: name.parse().unwrap(),
            display_name: name.parse().unwrap(),
            email: None,
            role,
            password: None,
        };
        let now = Timestamp::now();
        let account = self.store().add_account(account, now).await.unwrap();
        let secret = random::secret();
        let login = NewLogin {
            account: account.id,
            showed: Showed::Nothing,
            kind: LoginKind::ApiToken,
            label: "test".to_owned(),
            secret: secret.hash(),
            expires: None,
        };
        self.store().add_login(login, now).await.unwrap();
        self.client.with(&format!("{API_TOKEN}{}", secret.reveal()))
    }

    pub async fn user(&self, name: &str) -> Client {
        self.somebody(name, AccountRole::User).await
    }

    pub async fn admin(&self) -> Client {
        self.somebody("admin", AccountRole::Admin).await
    }

    /// A zone that is registered and has reported.
    pub async fn zone(&self, admin: &Client, name: &str, wishes: Value) -> Zone {
        let zone = self.silent_zone(admin, name, wishes).await;
        zone.report(json!({})).await;
        zone.until_state(admin, "healthy").await;
        zone
    }

    /// One that has said nothing yet. What it says it repeats, as zones do.
    pub async fn silent_zone(&self, admin: &Client, name: &str, mut wishes: Value) -> Zone {
        wishes["name"] = name.into();
        let made: Value = admin.post("/v1/zones", wishes).await.json();
        let zone = Zone {
            name: name.to_owned(),
            client: self.client.with(made["credential"].as_str().unwrap()),
            said: Arc::default(),
        };
        let repeating = repeat(zone.clone());
        tokio::spawn(self.stop.clone().run_until_cancelled_owned(repeating));
        zone
    }

    /// What Prometheus would be told.
    pub fn metrics(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        text
    }
}

fn client(to: SocketAddr, trust: &Trust) -> Client {
    Client {
        to,
        tls: client_config(trust, None, &[b"http/1.1"]).unwrap(),
        from: Ipv4Addr::LOCALHOST,
        bearer: None,
    }
}

/// A zone's controller.
#[derive(Clone)]
pub struct Zone {
    pub name: String,
    pub client: Client,
    /// Its last report. Held while one is on its way, so that none overtakes another.
    said: Arc<Mutex<Option<Value>>>,
}

/// A zone that says nothing for 15 s is taken for gone, and a test may take longer than that.
async fn repeat(zone: Zone) {
    loop {
        tokio::time::sleep(REPEAT).await;
        let said = zone.said.lock().await;
        if let Some(report) = &*said {
            zone.client.put(&zone.path(), report.clone()).await;
        }
    }
}

impl Zone {
    pub fn path(&self) -> String {
        format!("/v1/zones/{}/report", self.name)
    }

    /// A report of a healthy zone, with what is said otherwise.
    pub fn saying(&self, otherwise: Value) -> Value {
        let mut report = json!({
            "controller": "zc-0",
            "controllers": [format!("https://{}.example.org", self.name)],
            "routers": 2,
            "capacity": 200,
            "participants": 10,
        });
        if let Value::Object(fields) = otherwise {
            for (key, value) in fields {
                report[key] = value;
            }
        }
        report
    }

    pub async fn report(&self, otherwise: Value) {
        let mut said = self.said.lock().await;
        let report = self.saying(otherwise);
        let answer = self.client.put(&self.path(), report.clone()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        *said = Some(report);
    }

    pub async fn until_state(&self, admin: &Client, state: &str) {
        let path = format!("/v1/zones/{}", self.name);
        until(async || {
            let zone: Value = admin.get(&path).await.json();
            (zone["state"] == state).then_some(())
        })
        .await;
    }
}

/// A meeting of the caller, open to everybody unless said otherwise. Its number.
pub async fn meeting(owner: &Client, wishes: Value) -> String {
    let mut body = json!({ "kind": "instant", "passcode": null });
    for (key, value) in wishes.as_object().unwrap() {
        body[key] = value.clone();
    }
    let made: Value = owner.post("/v1/meetings", body).await.json();
    made["id"].as_str().unwrap().to_owned()
}

/// The names of the zones of a lookup, in their order.
pub fn zones(lookup: &Value) -> Vec<&str> {
    let zones = lookup["zones"].as_array().unwrap().iter();
    zones.map(|offer| offer["zone"].as_str().unwrap()).collect()
}
