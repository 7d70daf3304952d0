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
/// Certificates of public authorities come without the last.
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

/// The bytes of the files, to see whether they changed.
#[derive(PartialEq, Eq)]
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    /// Where it is needed.
    authority: Option<Vec<u8>>,
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
        Contents::read(&self.directory, true)?.loaded()
    }

    /// Reads the files and goes on looking, on the current runtime, until every receiver is
    /// gone. The receiver changes with each new set that fits together.
    pub fn watch(&self) -> Result<watch::Receiver<Loaded>, TlsError> {
        self.follow(true, Contents::loaded)
    }

    /// As [`Files::watch`], of `tls.crt` and `tls.key` alone: what a server shows whose settings are
    /// those of [`Files::watch_server`].
    pub fn watch_identity(&self) -> Result<watch::Receiver<Identity>, TlsError> {
        self.follow(false, Contents::identity)
    }

    /// Server settings that follow the files: what [`crate::https::serve`] wants. With
    /// `authenticated` clients must show a certificate of `ca.crt`'s authority; without, that
    /// file is not looked at, and need not be there.
    pub fn watch_server(
        &self,
        authenticated: bool,
        alpn: &[&[u8]],
    ) -> Result<watch::Receiver<Arc<ServerConfig>>, TlsError> {
        let alpn: Vec<Vec<u8>> = alpn.iter().map(|name| name.to_vec()).collect();
        self.follow(authenticated, move |contents| {
            let alpn: Vec<&[u8]> = alpn.iter().map(Vec::as_slice).collect();
            let clients = contents.trust()?;
            server_config(&contents.identity()?, clients.as_ref(), &alpn)
        })
    }

    /// What is made of the files, now and whenever they hold something else that is good.
    fn follow<T: Send + Sync + 'static>(
        &self,
        authority: bool,
        made_of: impl Fn(&Contents) -> Result<T, TlsError> + Send + 'static,
    ) -> Result<watch::Receiver<T>, TlsError> {
        let Self { directory, poll } = self.clone();
        let mut contents = Contents::read(&directory, authority)?;
        let (sender, receiver) = watch::channel(made_of(&contents)?);
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(poll);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    () = sender.closed() => return,
                    _ = ticks.tick() => {}
                }
                match contents.changed(&directory, &made_of) {
                    Ok(None) => {}
                    Ok(Some(made)) => _ = sender.send_replace(made),
                    Err(error) => {
                        let directory = directory.display();
                        tracing::warn!(%directory, %error, "keeping the last certificate");
                    }
                }
            }
        });
        Ok(receiver)
    }
}

impl Contents {
    fn read(directory: &Path, authority: bool) -> Result<Self, TlsError> {
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
            authority: authority.then(|| read("ca.crt")).transpose()?,
        })
    }

    fn identity(&self) -> Result<Identity, TlsError> {
        Identity::from_pem(&self.certificate, &self.key)
    }

    fn loaded(&self) -> Result<Loaded, TlsError> {
        let authority = self.authority.as_deref().unwrap_or_default();
        Ok(Loaded {
            identity: self.identity()?,
            trust: Trust::from_pem(authority)?,
        })
    }

    fn trust(&self) -> Result<Option<Trust>, TlsError> {
        self.authority.as_deref().map(Trust::from_pem).transpose()
    }

    /// What is made of what the files hold now, if that is new.
    fn changed<T>(
        &mut self,
        directory: &Path,
        made_of: impl Fn(&Self) -> Result<T, TlsError>,
    ) -> Result<Option<T>, TlsError> {
        let now = Self::read(directory, self.authority.is_some())?;
        if now == *self {
            return Ok(None);
        }
        let made = made_of(&now)?;
        *self = now;
        Ok(Some(made))
    }
}
