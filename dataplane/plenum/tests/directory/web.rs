//! HTTPS to directories and controllers, as a program of somebody else would do it.

use std::path::Path;
use std::time::Duration;

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{Method, Request};
use bytes::Bytes;
use plenum_transport::route::{Http, HttpError, Route};
use plenum_transport::tls::{Trust, client_config};
use serde_json::Value;

/// However slow the machine is.
const PATIENCE: Duration = Duration::from_mins(1);

/// Somebody who asks.
#[derive(Clone)]
pub struct Web {
    origin: String,
    http: Http,
    bearer: Option<String>,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<u64>,
    pub body: Value,
}

impl Web {
    pub fn new(origin: &str, authority: &Path) -> Self {
        let pem = std::fs::read(authority).unwrap();
        let trust = Trust::from_pem(&pem).unwrap();
        let tls = client_config(&trust, None, &[b"http/1.1"]).unwrap();
        Self {
            origin: origin.to_owned(),
            http: Http::new(Route::direct(), tls),
            bearer: None,
        }
    }

    pub fn with(&self, bearer: &str) -> Self {
        Self {
            bearer: Some(bearer.to_owned()),
            ..self.clone()
        }
    }

    pub fn bearer(&self) -> Option<&str> {
        self.bearer.as_deref()
    }

    pub async fn ask(&self, method: Method, path: &str, body: &Value) -> Result<Answer, HttpError> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.origin))
            .header(CONTENT_TYPE, "application/json");
        if let Some(bearer) = &self.bearer {
            request = request.header(AUTHORIZATION, format!("Bearer {bearer}"));
        }
        let text = if body.is_null() {
            Bytes::new()
        } else {
            body.to_string().into()
        };
        let answer = self
            .http
            .send(request.body(text).unwrap(), PATIENCE)
            .await?;
        let wait = answer.headers().get(RETRY_AFTER);
        Ok(Answer {
            status: answer.status().as_u16(),
            retry_after: wait.map(|wait| wait.to_str().unwrap().parse().unwrap()),
            body: serde_json::from_slice(answer.body()).unwrap_or_default(),
        })
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &Value::Null).await.unwrap()
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(Method::POST, path, body).await.unwrap()
    }
}

impl Answer {
    /// The body of a success.
    #[track_caller]
    pub fn good(self) -> Value {
        assert!((200..300).contains(&self.status), "{self:?}");
        self.body
    }

    /// Checks that it is this error.
    #[track_caller]
    pub fn is(&self, status: u16, code: &str) {
        assert_eq!(
            (self.status, self.body["code"].as_str()),
            (status, Some(code)),
            "{self:?}"
        );
    }
}
