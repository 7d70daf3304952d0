//! A request on its way to the API server, and answers that are not the API server's.

use anyhow::Result;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderName, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use kube::Client;
use serde_json::json;

use super::Body;

/// A request on its way to the API server.
pub(super) struct Forward {
    pub client: Client,
    pub method: Method,
    pub target: String,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Bytes,
}

impl Forward {
    pub async fn send(self) -> Result<Response<kube::client::Body>> {
        let mut request = Request::builder().method(self.method).uri(self.target);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let request = request.body(kube::client::Body::from(self.body.to_vec()))?;
        Ok(self.client.send(request).await?)
    }

    /// Sends it and reads the answer to its end.
    pub async fn done(self) -> Result<()> {
        let answer = self.send().await?;
        answer.into_body().collect().await?;
        Ok(())
    }
}

/// The same list as it was then.
pub(super) fn at_version(target: &str, version: &str) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut pairs: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("resourceVersion"))
        .collect();
    let exact = format!("resourceVersion={version}");
    pairs.extend([exact.as_str(), "resourceVersionMatch=Exact"]);
    format!("{path}?{}", pairs.join("&"))
}

pub(super) fn whole(body: Bytes) -> Body {
    Full::new(body)
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// As the API server refuses.
pub(super) fn refusal(code: u16) -> Response<Body> {
    let reason = match code {
        409 => "Conflict",
        410 => "Expired",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "InternalError",
    };
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "refused on purpose", "reason": reason, "code": code});
    let mut response = Response::new(whole(status.to_string().into()));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_GATEWAY);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if code == 429 {
        headers.insert("retry-after", HeaderValue::from_static("1"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_list_is_asked_for_by_its_version_alone() {
        let old = at_version("/api/v1/nodes?limit=500&resourceVersion=0", "42");
        let wanted = "/api/v1/nodes?limit=500&resourceVersion=42&resourceVersionMatch=Exact";
        assert_eq!(old, wanted);
    }
}
