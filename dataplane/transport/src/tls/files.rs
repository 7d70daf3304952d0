//! Certificates in a directory that somebody else renews.
//!
//! The kubelet replaces a mounted Secret by swapping a symbolic link, which file watches
//! miss; so the contents are read again now and then and compared. Files that do not fit
//! together, as in the middle of a change, are left alone and the last good ones stay.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::{Identity, TlsError, Trust, server_config};

/// Renewals come hours ahead of need; a few seconds do not matter.
const POLL: Duration = Duration::from_secs(5);

/// A directory with `tls.crt`, `tls.key` and `ca.crt`: the layout of a Kubernetes TLS Secret.
#[derive(Debug, Clone)]
pub struct Files {
    directory: PathBuf,
    poll: Duration,
}

/// What was in the files.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// `tls.crt` and `tls.key`.
    pub identity: Identity,
    /// `ca.crt`.
    pub trust: Trust,
}

/// The bytes of the three files, to see whether they changed.
#[derive(PartialEq, Eq)]
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    authority: Vec<u8>,
}

impl Files {
    /// Nothing is read yet.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            poll: POLL,
        }
    }

    /// Looks for changes this often instead of every 5 s.
    #[must_use]
    pub fn polled_every(mut self, poll: Duration) -> Self {
        self.poll = poll;
        self
    }

    /// Reads the files once.
    pub fn load(&self) -> Result<Loaded, TlsError> {
        Contents::read(&self.directory)?.parse()
    }

    /// Reads the files and goes on looking, on the current runtime, until every receiver is
    /// gone. The receiver changes with each new set that fits together.
    pub fn watch(&self) -> Result<watch::Receiver<Loaded>, TlsError> {
        let mut contents = Contents::read(&self.directory)?;
        let (sender, receiver) = watch::channel(contents.parse()?);
        let Self { directory, poll } = self.clone();
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(poll);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    () = sender.closed() => return,
                    _ = ticks.tick() => {}
                }
                if let Some(changed) = contents.changed(&directory) {
                    sender.send_replace(changed);
                }
            }
        });
        Ok(receiver)
    }

    /// Server settings that follow the files: what [`crate::https::serve`] wants. With
    /// `authenticated` clients must show a certificate of `ca.crt`'s authority.
    pub fn watch_server(
        &self,
        authenticated: bool,
        alpn: &[&[u8]],
    ) -> Result<watch::Receiver<Arc<ServerConfig>>, TlsError> {
        let alpn: Vec<Vec<u8>> = alpn.iter().map(|name| name.to_vec()).collect();
        let settings = move |loaded: &Loaded| {
            let alpn: Vec<&[u8]> = alpn.iter().map(Vec::as_slice).collect();
            server_config(
                &loaded.identity,
                authenticated.then_some(&loaded.trust),
                &alpn,
            )
        };
        let mut files = self.watch()?;
        let (sender, receiver) = watch::channel(settings(&files.borrow_and_update())?);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = sender.closed() => return,
                    changed = files.changed() => if changed.is_err() { return },
                }
                match settings(&files.borrow_and_update()) {
                    Ok(config) => _ = sender.send_replace(config),
                    Err(error) => tracing::warn!(%error, "the new certificate is not used"),
                }
            }
        });
        Ok(receiver)
    }
}

impl Contents {
    fn read(directory: &Path) -> Result<Self, TlsError> {
        let read = |name: &str| {
            let path = directory.join(name);
            std::fs::read(&path).map_err(|error| TlsError::File {
                path: path.display().to_string(),
                error,
            })
        };
        Ok(Self {
            certificate: read("tls.crt")?,
            key: read("tls.key")?,
            authority: read("ca.crt")?,
        })
    }

    fn parse(&self) -> Result<Loaded, TlsError> {
        Ok(Loaded {
            identity: Identity::from_pem(&self.certificate, &self.key)?,
            trust: Trust::from_pem(&self.authority)?,
        })
    }

    /// What the files hold now, if that is new and good.
    fn changed(&mut self, directory: &Path) -> Option<Loaded> {
        let loaded = Self::read(directory).and_then(|now| {
            if now == *self {
                return Ok(None);
            }
            let loaded = now.parse()?;
            *self = now;
            Ok(Some(loaded))
        });
        loaded.unwrap_or_else(|error| {
            tracing::warn!(directory = %directory.display(), %error, "keeping the last certificate");
            None
        })
    }
}
