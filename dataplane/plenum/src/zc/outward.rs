//! Tells the directory about the zone, outward only, and learns its keys from the answers.
//! [`plenum_zone::outward`] decides when.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{Request, Response, Uri};
use bytes::Bytes;
use plenum_client::proxy::ProxySettings;
use plenum_transport::route::{Http, Route};
use plenum_transport::tls::{self, Trust};
use plenum_wire::ZoneName;
use plenum_wire::directory::{ReportAnswer, ZoneReport};
use plenum_zone::outward::{Reporting, Summary};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::admit::Directory;
use super::core::Ask;
use super::metrics::Metrics;

/// How long one report may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The directory, as a zone sees it.
#[derive(Debug, Clone, clap::Args)]
pub struct OutwardArgs {
    /// The directory that this zone belongs to, `https://HOST[:PORT]`: it is told how the zone
    /// is, and its keys are learned from it. A proxy is taken from `HTTPS_PROXY`.
    #[arg(long, value_name = "URL", requires_all = ["directory_credential", "public_urls"])]
    directory: Option<Uri>,
    /// File with the zone's credential, as `plenum directory zone add` printed it.
    #[arg(long, value_name = "FILE")]
    directory_credential: Option<PathBuf>,
    /// File with the authority that vouches for the directory, in PEM; the public web's
    /// authorities otherwise.
    #[arg(long, value_name = "FILE")]
    directory_ca: Option<PathBuf>,
    /// Where clients reach the controllers of this zone, `https://HOST[:PORT]` each.
    #[arg(long, value_name = "URL,URL", value_delimiter = ',')]
    public_urls: Vec<Uri>,
    /// Where clients reach the tunnels of this zone.
    #[arg(long, value_name = "URL,URL", value_delimiter = ',')]
    tunnel_urls: Vec<Uri>,
}

/// What is needed to report.
pub struct Outward {
    http: Http,
    path: Uri,
    credential: PathBuf,
    report: ZoneReport,
}

impl OutwardArgs {
    /// Where clients reach the controllers, also without `--directory`.
    pub fn public(&self) -> anyhow::Result<Vec<String>> {
        origins(&self.public_urls).context("--public-urls")
    }

    /// `None` without `--directory`. `tls` is the directory with the certificate that clients
    /// see: who vouches for it is told to them.
    pub fn read(&self, zone: &ZoneName, name: &str, tls: &Path) -> anyhow::Result<Option<Outward>> {
        let (Some(url), Some(credential)) = (&self.directory, &self.directory_credential) else {
            return Ok(None);
        };
        let origin = origin(url).context("--directory")?;
        read_credential(credential)?;
        let path = format!("{origin}/v1/zones/{zone}/report");
        Ok(Some(Outward {
            http: client(self.directory_ca.as_deref(), route(&origin)?)?,
            path: path.parse().context("--directory")?,
            credential: credential.clone(),
            report: ZoneReport {
                controller: name.to_owned(),
                controllers: self.public()?,
                tunnels: origins(&self.tunnel_urls).context("--tunnel-urls")?,
                authority: authority(tls),
                routers: 0,
                capacity: 0,
                participants: 0,
                meetings: Vec::new(),
            },
        }))
    }
}

fn origins(urls: &[Uri]) -> anyhow::Result<Vec<String>> {
    urls.iter().map(origin).collect()
}

/// As clients are to write it.
fn origin(url: &Uri) -> anyhow::Result<String> {
    let host = url
        .authority()
        .filter(|_| url.scheme_str() == Some("https"));
    let bare = matches!(url.path(), "" | "/") && url.query().is_none();
    let host = host.filter(|host| bare && !host.as_str().contains('@'));
    let host = host.with_context(|| format!("{url}: write https://HOST or https://HOST:PORT"))?;
    Ok(format!("https://{host}"))
}

/// A certificate of a public authority comes without one.
fn authority(tls: &Path) -> Option<String> {
    let pem = std::fs::read_to_string(tls.join("ca.crt")).ok()?;
    (!pem.trim().is_empty()).then_some(pem)
}

/// As servers do it, without trying: by the proxy of the environment, unless it exempts the
/// directory.
fn route(origin: &str) -> anyhow::Result<Route> {
    let settings = ProxySettings::detect(None)?;
    let way = settings.way_to(&origin.parse().context("--directory")?);
    Ok(way.proxied().unwrap_or_else(Route::direct))
}

fn client(authority: Option<&Path>, route: Route) -> anyhow::Result<Http> {
    let trust = match authority {
        Some(file) => {
            let pem = std::fs::read(file)
                .with_context(|| format!("--directory-ca {}", file.display()))?;
            Trust::from_pem(&pem).with_context(|| format!("--directory-ca {}", file.display()))?
        }
        None => Trust::WebPki,
    };
    let tls = tls::client_config(&trust, None, &[b"http/1.1"]).context("--directory-ca")?;
    Ok(Http::new(route, tls))
}

/// Read anew for each report: a credential is renewed without a restart.
fn read_credential(file: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("--directory-credential {}", file.display()))?;
    let credential = text.trim();
    ensure!(
        !credential.is_empty() && credential.bytes().all(|byte| byte.is_ascii_graphic()),
        "--directory-credential {} holds no credential: write what `plenum directory zone add` printed",
        file.display()
    );
    Ok(credential.to_owned())
}

/// What came of one report.
enum Outcome {
    Heard(ReportAnswer),
    Failed {
        why: anyhow::Error,
        after: Option<Duration>,
    },
}

impl Outward {
    /// Reports until `stop`.
    pub async fn run(
        mut self,
        ask: Ask,
        mut changed: watch::Receiver<u64>,
        directory: Directory,
        metrics: Metrics,
        stop: CancellationToken,
    ) {
        let mut reporting = Reporting::new(Instant::now());
        loop {
            let due = reporting.next_timeout().expect("no report is on its way");
            tokio::select! {
                () = stop.cancelled() => return,
                // The broker has ended, and the controller with it.
                news = changed.changed() => match news {
                    Ok(()) => { reporting.changed(Instant::now()); continue; }
                    Err(_) => return,
                },
                () = tokio::time::sleep_until(due.into()) => {}
            }
            let Some(summary) = ask.summary().await else {
                return;
            };
            reporting.sent(Instant::now());
            let outcome = tokio::select! {
                () = stop.cancelled() => return,
                outcome = self.report(summary) => outcome,
            };
            metrics.reported(matches!(outcome, Outcome::Heard(_)));
            match outcome {
                Outcome::Heard(answer) => {
                    if reporting.failures() > 0 {
                        tracing::info!(missed = reporting.failures(), "the directory hears again");
                    }
                    directory.learn(answer.jwks);
                    let every = Duration::from_secs(answer.report_every_s);
                    reporting.answered(every, Instant::now());
                }
                Outcome::Failed { why, after } => {
                    // Once for each time that it is away.
                    if reporting.failures() == 0 {
                        tracing::warn!(
                            error = format!("{why:#}"),
                            "the directory does not hear; meetings go on with its last keys"
                        );
                    }
                    reporting.failed(rand::random(), after, Instant::now());
                }
            }
        }
    }

    async fn report(&mut self, summary: Summary) -> Outcome {
        self.report.routers = summary.routers;
        self.report.capacity = summary.capacity;
        self.report.participants = summary.participants;
        self.report.meetings = summary.meetings;
        let sent = async {
            let credential = read_credential(&self.credential)?;
            let put = Request::put(self.path.clone())
                .header(AUTHORIZATION, format!("Bearer {credential}"))
                .header(CONTENT_TYPE, "application/json")
                .body(Bytes::from(serde_json::to_vec(&self.report)?))?;
            Ok(self.http.send(put, PATIENCE).await?)
        };
        match sent.await {
            Ok(response) => read(&response),
            Err(why) => Outcome::Failed { why, after: None },
        }
    }
}

fn read(response: &Response<Bytes>) -> Outcome {
    let said = || String::from_utf8_lossy(response.body());
    let answer = if response.status().is_success() {
        serde_json::from_slice(response.body()).context("the answer is no directory's")
    } else {
        Err(anyhow!("it answered {}: {}", response.status(), said()))
    };
    match answer {
        Ok(answer) => Outcome::Heard(answer),
        Err(why) => Outcome::Failed {
            why,
            after: retry_after(response),
        },
    }
}

fn retry_after(response: &Response<Bytes>) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    seconds.parse().ok().map(Duration::from_secs)
}
