//! Tells directories about the zone, outward only, and learns their keys from the answers.
//! [`plenum_zone::outward`] decides when.
//!
//! A zone may have several: the directory that it belongs to, and a replica of it at its own
//! site. Each is told by itself, so that none waits for another that is away.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::http::Uri;
use futures_util::future::join_all;
use plenum_transport::tls::Trust;
use plenum_wire::ZoneName;
use plenum_wire::directory::{ReportAnswer, ZoneReport};
use plenum_zone::Event;
use plenum_zone::outward::{Reporting, Summary};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::admit::Directory;
use super::core::Ask;
use super::metrics::Metrics;
use crate::upstream::{Failed, Upstream, origin};

/// How long one report may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The directories, as a zone sees them.
#[derive(Debug, Clone, clap::Args)]
pub struct OutwardArgs {
    /// The directory that this zone belongs to, `https://HOST[:PORT]`: it is told how the zone
    /// is, and its keys are learned from it. A proxy is taken from `HTTPS_PROXY`. With a
    /// replica at the site, both.
    #[arg(
        long,
        value_name = "URL[,URL]",
        value_delimiter = ',',
        requires_all = ["directory_credential", "public_urls"]
    )]
    directory: Vec<Uri>,
    /// File with the zone's credential, as `plenum directory zone add` printed it.
    #[arg(long, value_name = "FILE")]
    directory_credential: Option<PathBuf>,
    /// File with the authorities that vouch for the directories, in PEM; the public web's
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
    directories: Vec<Upstream>,
    path: String,
    report: ZoneReport,
    /// Where the certificate is that clients see, with who vouches for it.
    tls: Option<PathBuf>,
}

impl OutwardArgs {
    /// Where clients reach the controllers, also without `--directory`.
    pub fn public(&self) -> anyhow::Result<Vec<String>> {
        origins(&self.public_urls).context("--public-urls")
    }

    /// `None` without `--directory`. `tls` is the directory with the certificate that clients
    /// see: who vouches for it is told to them.
    pub fn read(&self, zone: &ZoneName, name: &str, tls: &Path) -> anyhow::Result<Option<Outward>> {
        let Some(credential) = &self.directory_credential else {
            return Ok(None);
        };
        let upstream = |url| Upstream::new(url, credential, self.directory_ca.as_deref());
        let directories: Vec<Upstream> = self
            .directory
            .iter()
            .map(upstream)
            .collect::<anyhow::Result<_>>()
            .context("--directory, --directory-credential and --directory-ca")?;
        if directories.is_empty() {
            return Ok(None);
        }
        let report = ZoneReport {
            tunnels: origins(&self.tunnel_urls).context("--tunnel-urls")?,
            ..nothing_yet(name, self.public()?, None)
        };
        let mut outward = Outward::new(directories, zone, report);
        outward.tls = Some(tls.to_owned());
        Ok(Some(outward))
    }
}

fn origins(urls: &[Uri]) -> anyhow::Result<Vec<String>> {
    urls.iter().map(origin).collect()
}

/// A certificate of a public authority comes without one.
fn authority(tls: &Path) -> Option<String> {
    let pem = std::fs::read_to_string(tls.join("ca.crt")).ok()?;
    (!pem.trim().is_empty()).then_some(pem)
}

fn nothing_yet(name: &str, controllers: Vec<String>, authority: Option<String>) -> ZoneReport {
    ZoneReport {
        controller: name.to_owned(),
        controllers,
        tunnels: Vec::new(),
        authority,
        routers: 0,
        capacity: 0,
        participants: 0,
        meetings: Vec::new(),
    }
}

impl Outward {
    fn new(directories: Vec<Upstream>, zone: &ZoneName, report: ZoneReport) -> Self {
        Self {
            directories,
            path: format!("/v1/zones/{zone}/report"),
            report,
            tls: None,
        }
    }

    /// Reports to a directory in the same process, at `origin`. `authority` vouches for it and
    /// for the controllers, in PEM.
    pub fn local(
        origin: String,
        authority: String,
        credential: &Path,
        zone: &ZoneName,
        controllers: Vec<String>,
    ) -> anyhow::Result<Self> {
        let trust = Trust::from_pem(authority.as_bytes())?;
        let directory = Upstream::local(origin, &trust, credential)?;
        let report = nothing_yet("serve", controllers, Some(authority));
        Ok(Self::new(vec![directory], zone, report))
    }

    /// Reports until `stop`.
    pub async fn run(
        self,
        ask: Ask,
        changed: watch::Receiver<u64>,
        keys: Directory,
        metrics: Metrics,
        stop: CancellationToken,
    ) {
        let (path, report, tls) = (self.path, self.report, self.tls);
        let directories = self.directories.into_iter().enumerate();
        let reporters = directories.map(|(place, directory)| Reporter {
            directory,
            replica: place > 0,
            path: path.clone(),
            report: report.clone(),
            tls: tls.clone(),
            ask: ask.clone(),
            changed: changed.clone(),
            keys: keys.clone(),
            metrics: metrics.clone(),
        });
        let reporting = join_all(reporters.map(Reporter::run));
        stop.run_until_cancelled(reporting).await;
    }
}

/// Tells one directory.
struct Reporter {
    directory: Upstream,
    /// Another one comes first, which knows of more zones: this one would expect everybody here.
    replica: bool,
    path: String,
    report: ZoneReport,
    tls: Option<PathBuf>,
    ask: Ask,
    changed: watch::Receiver<u64>,
    keys: Directory,
    metrics: Metrics,
}

impl Reporter {
    /// Ends when the broker has, and the controller with it.
    async fn run(mut self) {
        let mut reporting = Reporting::new(Instant::now());
        loop {
            let due = reporting.next_timeout().expect("no report is on its way");
            tokio::select! {
                news = self.changed.changed() => match news {
                    Ok(()) => { reporting.changed(Instant::now()); continue; }
                    Err(_) => return,
                },
                () = tokio::time::sleep_until(due.into()) => {}
            }
            let Some(summary) = self.ask.summary().await else {
                return;
            };
            reporting.sent(Instant::now());
            let answer = self.report(summary).await;
            self.metrics.reported(answer.is_ok());
            match answer {
                Ok(answer) => self.heard(answer, &mut reporting).await,
                Err(failed) => self.not_heard(&failed, &mut reporting),
            }
        }
    }

    async fn report(&mut self, summary: Summary) -> Result<ReportAnswer, Failed> {
        // Read anew for each report: an authority is renewed without a restart.
        if let Some(tls) = &self.tls {
            self.report.authority = authority(tls);
        }
        self.report.routers = summary.routers;
        self.report.capacity = summary.capacity;
        self.report.participants = summary.participants;
        self.report.meetings = summary.meetings;
        let put = self.directory.put(&self.path, &self.report, PATIENCE);
        put.await
    }

    async fn heard(&self, answer: ReportAnswer, reporting: &mut Reporting) {
        let missed = reporting.failures();
        if missed > 0 {
            tracing::info!(missed, directory = self.name(), "the directory hears again");
        }
        self.keys.learn_from(self.name(), answer.jwks);
        if !self.replica {
            self.ask.expected(answer.expected).await;
        }
        let every = Duration::from_secs(answer.report_every_s);
        reporting.answered(every, Instant::now());
        if !answer.ended.is_empty() {
            self.ask.event(Event::MeetingsEnded(answer.ended)).await;
        }
    }

    fn not_heard(&self, failed: &Failed, reporting: &mut Reporting) {
        // Once for each time that it is away.
        if reporting.failures() == 0 {
            tracing::warn!(
                error = format!("{:#}", failed.why),
                directory = self.name(),
                "the directory does not hear; meetings go on with its last keys"
            );
        }
        reporting.failed(rand::random(), failed.after, Instant::now());
    }

    fn name(&self) -> &str {
        self.directory.origin()
    }
}
