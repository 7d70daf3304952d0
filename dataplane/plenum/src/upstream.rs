//! A directory as those see it that report to it or follow it: asked outward over HTTPS, by the
//! proxy of the environment, with a credential from a file.

use std::path::{Path, PathBuf};
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
    http: Http,
    credential: PathBuf,
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
    /// The directory at `https://HOST[:PORT]`. `authority` vouches for it, in PEM; the public
    /// web's authorities where there is none.
    pub fn new(url: &Uri, credential: &Path, authority: Option<&Path>) -> anyhow::Result<Self> {
        let origin = origin(url)?;
        read_credential(credential)?;
        let trust = match authority {
            Some(file) => {
                let pem = std::fs::read(file).with_context(|| file.display().to_string())?;
                Trust::from_pem(&pem).with_context(|| file.display().to_string())?
            }
            None => Trust::WebPki,
        };
        Self::by(route(&origin)?, origin, &trust, credential)
    }

    /// A directory on this machine, which no proxy leads to.
    pub fn local(origin: String, trust: &Trust, credential: &Path) -> anyhow::Result<Self> {
        Self::by(Route::direct(), origin, trust, credential)
    }

    fn by(route: Route, origin: String, trust: &Trust, credential: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            origin,
            http: Http::new(route, tls::client_config(trust, None, &HTTP1)?),
            credential: credential.to_owned(),
        })
    }

    /// For answers of at most so many bytes.
    pub fn with_answers_of(self, bytes: usize) -> Self {
        Self {
            http: self.http.with_answers_of(bytes),
            ..self
        }
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
        let sent = self.http.send(request, within).await;
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
