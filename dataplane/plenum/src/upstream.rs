//! A directory as those see it that report to it or follow it: asked outward over HTTPS, by the
//! proxy of the environment, with a credential from a file.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{Method, Request, Response, Uri};
use bytes::Bytes;
use plenum_client::proxy::ProxySettings;
use plenum_transport::route::{Http, Route};
use plenum_transport::tls::{self, Trust};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// HTTP protocols that are offered.
const HTTP1: [&[u8]; 1] = [b"http/1.1"];

/// A directory.
pub struct Upstream {
    origin: String,
    credential: PathBuf,
    route: Route,
    /// Longest answer in bytes, where it is not as usual.
    answers: Option<usize>,
    /// Who vouches for it, where that is not told once and for all.
    authority: Option<PathBuf>,
    trusted: Mutex<Trusted>,
}

/// How it is asked, by whoever vouches for it now.
struct Trusted {
    pem: Vec<u8>,
    http: Http,
    /// What the file said when it could not be used.
    refused: Option<Vec<u8>>,
}

/// Why a request came to nothing.
pub struct Failed {
    /// What happened.
    pub why: anyhow::Error,
    /// How long the directory asks to wait, if it spoke.
    pub after: Option<Duration>,
}

impl From<anyhow::Error> for Failed {
    fn from(why: anyhow::Error) -> Self {
        Self { why, after: None }
    }
}

impl Upstream {
    /// The directory at `https://HOST[:PORT]`. `authority` vouches for it, in PEM, and is read
    /// again when it changes; the public web's authorities where there is none.
    pub fn new(url: &Uri, credential: &Path, authority: Option<&Path>) -> anyhow::Result<Self> {
        let origin = origin(url)?;
        read_credential(credential)?;
        let (pem, trust) = match authority {
            Some(file) => {
                let pem = std::fs::read(file).with_context(|| file.display().to_string())?;
                let trust = Trust::from_pem(&pem).with_context(|| file.display().to_string())?;
                (pem, trust)
            }
            None => (Vec::new(), Trust::WebPki),
        };
        let mut upstream = Self::by(route(&origin)?, origin, &trust, credential)?;
        upstream.authority = authority.map(Path::to_owned);
        upstream.trusted().pem = pem;
        Ok(upstream)
    }

    /// A directory on this machine, which no proxy leads to.
    pub fn local(origin: String, trust: &Trust, credential: &Path) -> anyhow::Result<Self> {
        Self::by(Route::direct(), origin, trust, credential)
    }

    fn by(route: Route, origin: String, trust: &Trust, credential: &Path) -> anyhow::Result<Self> {
        let trusted = Trusted {
            pem: Vec::new(),
            http: http(&route, trust, None)?,
            refused: None,
        };
        Ok(Self {
            origin,
            credential: credential.to_owned(),
            route,
            answers: None,
            authority: None,
            trusted: trusted.into(),
        })
    }

    /// For answers of at most so many bytes.
    pub fn with_answers_of(mut self, bytes: usize) -> Self {
        self.answers = Some(bytes);
        {
            let mut trusted = self.trusted();
            trusted.http = trusted.http.clone().with_answers_of(bytes);
        }
        self
    }

    fn trusted(&self) -> MutexGuard<'_, Trusted> {
        self.trusted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// By whoever the file names now. One that cannot be read, or names nobody, leaves those
    /// that it named before.
    fn http(&self) -> Http {
        let mut trusted = self.trusted();
        let read = self
            .authority
            .as_ref()
            .and_then(|file| std::fs::read(file).ok());
        let Some(pem) = read.filter(|pem| *pem != trusted.pem) else {
            return trusted.http.clone();
        };
        let named = Trust::from_pem(&pem).map_err(anyhow::Error::from);
        match named.and_then(|trust| http(&self.route, &trust, self.answers)) {
            Ok(http) => {
                tracing::info!(
                    directory = self.origin,
                    "other authorities vouch for it now"
                );
                *trusted = Trusted {
                    pem,
                    http,
                    refused: None,
                };
            }
            Err(error) if trusted.refused.as_ref() != Some(&pem) => {
                let error = format!("{error:#}");
                tracing::warn!(
                    directory = self.origin,
                    error,
                    "the authorities stay as they were"
                );
                trusted.refused = Some(pem);
            }
            Err(_) => {}
        }
        trusted.http.clone()
    }

    /// `https://HOST[:PORT]`.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Asks for something.
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        within: Duration,
    ) -> Result<T, Failed> {
        let answer = self.send(Method::GET, path, Bytes::new(), within).await?;
        understand(&answer)
    }

    /// Says something, and reads the answer.
    pub async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        within: Duration,
    ) -> Result<T, Failed> {
        let answer = self.send(Method::PUT, path, json(body)?, within).await?;
        understand(&answer)
    }

    /// Says something that needs no answer but that it was heard.
    pub async fn tell(
        &self,
        path: &str,
        body: &impl Serialize,
        within: Duration,
    ) -> Result<(), Failed> {
        let sent = self.send(Method::PUT, path, json(body)?, within).await;
        sent.map(drop)
    }

    /// The answer, if it is a success.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        within: Duration,
    ) -> Result<Response<Bytes>, Failed> {
        let credential = read_credential(&self.credential)?;
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.origin))
            .header(AUTHORIZATION, format!("Bearer {credential}"))
            .header(CONTENT_TYPE, "application/json")
            .body(body)
            .map_err(anyhow::Error::from)?;
        let sent = self.http().send(request, within).await;
        let answer = sent.map_err(anyhow::Error::from)?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let said = String::from_utf8_lossy(answer.body());
        Err(Failed {
            why: anyhow!("it answered {}: {said}", answer.status()),
            after: retry_after(&answer),
        })
    }
}

fn json(body: &impl Serialize) -> Result<Bytes, anyhow::Error> {
    Ok(serde_json::to_vec(body)?.into())
}

fn understand<T: DeserializeOwned>(answer: &Response<Bytes>) -> Result<T, Failed> {
    let read = serde_json::from_slice(answer.body());
    Ok(read.context("the answer is no directory's")?)
}

fn retry_after(response: &Response<Bytes>) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    seconds.parse().ok().map(Duration::from_secs)
}

fn http(route: &Route, trust: &Trust, answers: Option<usize>) -> anyhow::Result<Http> {
    let http = Http::new(route.clone(), tls::client_config(trust, None, &HTTP1)?);
    Ok(match answers {
        Some(bytes) => http.with_answers_of(bytes),
        None => http,
    })
}

/// As clients are to write it.
pub fn origin(url: &Uri) -> anyhow::Result<String> {
    let host = url
        .authority()
        .filter(|_| url.scheme_str() == Some("https"));
    let bare = matches!(url.path(), "" | "/") && url.query().is_none();
    let host = host.filter(|host| bare && !host.as_str().contains('@'));
    let host = host.with_context(|| format!("{url}: write https://HOST or https://HOST:PORT"))?;
    Ok(format!("https://{host}"))
}

/// As servers do it, without trying: by the proxy of the environment, unless it exempts the
/// directory.
fn route(origin: &str) -> anyhow::Result<Route> {
    let settings = ProxySettings::detect(None)?;
    let way = settings.way_to(&origin.parse()?);
    Ok(way.proxied().unwrap_or_else(Route::direct))
}

/// Read anew for each request: a credential is renewed without a restart.
fn read_credential(file: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let credential = text.trim();
    ensure!(
        !credential.is_empty() && credential.bytes().all(|byte| byte.is_ascii_graphic()),
        "{} holds no credential: write what `plenum directory` printed when it was made",
        file.display()
    );
    Ok(credential.to_owned())
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

    use super::*;

    fn authority() -> String {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().pem()
    }

    #[tokio::test]
    async fn authorities_are_read_again_and_nonsense_changes_nothing() {
        let files = tempfile::tempdir().unwrap();
        let path = |name: &str| files.path().join(name);
        let (first, second) = (authority(), authority());
        std::fs::write(path("credential"), "plz_secret").unwrap();
        std::fs::write(path("ca.crt"), &first).unwrap();
        let url = "https://meet.example.org".parse().unwrap();
        let upstream = Upstream::new(&url, &path("credential"), Some(&path("ca.crt"))).unwrap();
        for (written, trusted) in [
            ("nonsense", &first),
            (second.as_str(), &second),
            ("", &second),
            (first.as_str(), &first),
        ] {
            std::fs::write(path("ca.crt"), written).unwrap();
            drop(upstream.http());
            assert_eq!(upstream.trusted().pem, trusted.as_bytes());
        }
        std::fs::remove_file(path("ca.crt")).unwrap();
        drop(upstream.http());
        assert_eq!(upstream.trusted().pem, first.as_bytes());
    }
}
