//! CONNECT (RFC 9110 section 9.3.6), with hyper's HTTP/1.1.

use ::http::header::{HOST, PROXY_AUTHORIZATION, USER_AGENT};
use ::http::{HeaderValue, Method, Request};
use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio_util::task::AbortOnDropHandle;

use super::verdict::{self, Asked};
use super::{ProxyProblem, Stream, Target};

/// Longest head of an answer in bytes.
const ANSWER: usize = 16 * 1_024;
/// Some proxies know applications by this.
const AGENT: &str = concat!("plenum/", env!("CARGO_PKG_VERSION"));

/// Asks the proxy at the other end of `stream` to connect us to `target`. The stream that
/// comes back is that connection.
pub(super) async fn open(
    stream: Stream,
    proof: Option<&HeaderValue>,
    target: &Target,
) -> Result<Stream, ProxyProblem> {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(ANSWER);
    let shaken = builder.handshake(TokioIo::new(stream)).await;
    let (mut requests, connection) = shaken.map_err(|error| broken(&error))?;
    let _driver = AbortOnDropHandle::new(tokio::spawn(connection.with_upgrades()));
    let request = request(proof, target)?;
    let response = requests.send_request(request).await;
    let response = response.map_err(|error| broken(&error))?;
    let asked = Asked {
        target,
        with_credentials: proof.is_some(),
    };
    verdict::of(&asked, response.status(), response.headers())?;
    let upgraded = hyper::upgrade::on(response).await;
    let upgraded = upgraded.map_err(|error| broken(&error))?;
    let parts = upgraded
        .downcast::<TokioIo<Stream>>()
        .map_err(|_| ProxyProblem::NotAProxy("changed the connection".to_owned()))?;
    // Everybody we connect to waits for us to speak first.
    if !parts.read_buf.is_empty() {
        return Err(ProxyProblem::NotAProxy(
            "answered with a page of its own".to_owned(),
        ));
    }
    Ok(parts.io.into_inner())
}

fn request(
    proof: Option<&HeaderValue>,
    target: &Target,
) -> Result<Request<Empty<Bytes>>, ProxyProblem> {
    let authority = target.to_string();
    let mut request = Request::builder()
        .method(Method::CONNECT)
        .uri(&authority)
        .header(HOST, &authority)
        .header(USER_AGENT, AGENT);
    if let Some(proof) = proof {
        request = request.header(PROXY_AUTHORIZATION, proof);
    }
    let request = request.body(Empty::new());
    request.map_err(|error| ProxyProblem::Unreachable(format!("{authority}: {error}")))
}

fn broken(error: &hyper::Error) -> ProxyProblem {
    if error.is_parse() {
        ProxyProblem::NotAProxy(format!("speaks no HTTP ({error})"))
    } else if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        ProxyProblem::Unreachable("it hung up without an answer".to_owned())
    } else {
        ProxyProblem::Unreachable(error.to_string())
    }
}
