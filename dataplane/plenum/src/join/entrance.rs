//! By which door people come in: what every command that joins is told about it.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use plenum_client::proxy::ProxySettings;
use plenum_client::{JoinConfig, Network};
use plenum_wire::MeetingId;

/// Where to join, whom to trust, and how to get there.
#[derive(Debug, Clone, Args)]
pub struct Entrance {
    #[command(flatten)]
    start: Start,
    /// Who vouches for directory and zone, in PEM; the public web's authorities if not given.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// What opens the meeting, where it has a passcode.
    #[arg(
        long,
        value_name = "PASSCODE",
        env = "PLENUM_PASSCODE",
        hide_env_values = true
    )]
    passcode: Option<String>,
    /// With --directory: your sign-in or API token. With --zone: the directory's token, where
    /// the zone asks for one.
    #[arg(
        long,
        value_name = "TOKEN",
        env = "PLENUM_TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,
    /// Go by this HTTP proxy and nowhere else. Otherwise that of `HTTPS_PROXY` is tried where
    /// the straight way does not work.
    #[arg(
        long,
        value_name = "http://[USER:PASSWORD@]HOST:PORT",
        env = "PLENUM_PROXY",
        hide_env_values = true
    )]
    proxy: Option<String>,
}

/// What is asked first.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
struct Start {
    /// Look the meeting up at this directory, `https://HOST[:PORT]`; several, such as a site's
    /// own replica, are asked one after the other.
    #[arg(long = "directory", value_name = "URL", value_delimiter = ',')]
    directories: Vec<String>,
    /// Ask this controller of an open zone, `https://HOST[:PORT]`, without a directory; more
    /// than one are asked together.
    #[arg(long = "zone", value_name = "URL")]
    zones: Vec<String>,
}

impl Entrance {
    /// How to join a meeting there.
    pub fn config(&self, meeting: MeetingId) -> anyhow::Result<JoinConfig> {
        let mut config = JoinConfig::new(self.network()?, self.start.zones.clone(), meeting);
        config.directories.clone_from(&self.start.directories);
        config.token.clone_from(&self.token);
        config.passcode.clone_from(&self.passcode);
        config.proxy = self.proxy()?;
        Ok(config)
    }

    /// The network, without any proxy.
    pub fn network(&self) -> anyhow::Result<Network> {
        let read = |path: &PathBuf| {
            std::fs::read(path).with_context(|| format!("--ca {}", path.display()))
        };
        let authority = self.ca.as_ref().map(read).transpose()?;
        Ok(Network::new(authority.as_deref())?)
    }

    /// The proxy that is configured here.
    pub fn proxy(&self) -> anyhow::Result<ProxySettings> {
        let settings = ProxySettings::detect(self.proxy.as_deref())?;
        if let Some(ignored) = settings.ignored() {
            tracing::warn!(ignored, "a proxy setting cannot be followed");
        }
        Ok(settings)
    }
}
