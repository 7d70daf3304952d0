//! A client that writes its own HTTP, so that it can write it wrong.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use plenum_wire::directory::{Denial, DirectoryProblem};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;

/// Somebody who asks.
#[derive(Clone)]
pub struct Client {
    pub to: SocketAddr,
    pub tls: Arc<ClientConfig>,
    /// Their address: all of 127.0.0.0/8 is this machine.
    pub from: Ipv4Addr,
    pub bearer: Option<String>,
}

/// A request that is being written.
pub struct Request<'a> {
    client: &'a Client,
    head: String,
    body: Vec<u8>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: Vec<u8>,
}

impl Client {
    pub fn from(&self, last: u8) -> Self {
        let from = Ipv4Addr::new(127, 0, 0, last);
        Self {
            from,
            ..self.clone()
        }
    }

    pub fn with(&self, bearer: &str) -> Self {
        let bearer = Some(bearer.to_owned());
        Self {
            bearer,
            ..self.clone()
        }
    }

    pub fn request(&self, method: &str, path: &str) -> Request<'_> {
        let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
        let request = Request {
            client: self,
            head,
            body: Vec::new(),
        };
        match &self.bearer {
            Some(bearer) => request.header("authorization", &format!("Bearer {bearer}")),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.request("GET", path).send().await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.request("DELETE", path).send().await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.request("POST", path).json(&body).send().await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.request("PUT", path).json(&body).send().await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.request("PATCH", path).json(&body).send().await
    }

    pub async fn look_up(&self, body: Value) -> Answer {
        self.post("/v1/lookup", body).await
    }

    /// The same question many times on one connection, without waiting for the answers.
    pub async fn get_often(&self, path: &str, times: usize) -> Vec<Answer> {
        let questions = (0..times).map(|_| self.request("GET", path));
        self.send_all(questions.collect()).await
    }

    /// Many questions on one connection, without waiting for the answers.
    pub async fn send_all(&self, questions: Vec<Request<'_>>) -> Vec<Answer> {
        let times = questions.len();
        let sent = questions.into_iter().enumerate().map(|(index, mut it)| {
            if index + 1 < times {
                it.head = it.head.replace("connection: close\r\n", "");
            }
            it.written()
        });
        let sent = sent.collect::<Vec<_>>().concat();
        let came = self.exchange(&sent).await.unwrap();
        let mut rest = came.as_slice();
        let mut answers = Vec::new();
        while !rest.is_empty() {
            let (answer, after) = Answer::read_one(rest);
            answers.push(answer);
            rest = after;
        }
        assert_eq!(answers.len(), times);
        answers
    }

    async fn exchange(&self, sent: &[u8]) -> std::io::Result<Vec<u8>> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((self.from, 0)))?;
        let stream = socket.connect(self.to).await?;
        let name = "localhost".try_into().unwrap();
        let tls = TlsConnector::from(Arc::clone(&self.tls))
            .connect(name, stream)
            .await?;
        let (mut from, mut to) = tokio::io::split(tls);
        // At the same time: a server that refuses a body does not wait for all of it.
        let writing = async {
            let _ = to.write_all(sent).await;
            let _ = to.flush().await;
        };
        let mut answer = Vec::new();
        let ((), read) = tokio::join!(writing, from.read_to_end(&mut answer));
        // One that has answered may close without the courtesies of TLS.
        if answer.is_empty() {
            read?;
        }
        Ok(answer)
    }
}

impl Request<'_> {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        for part in [name, ": ", value, "\r\n"] {
            self.head.push_str(part);
        }
        self
    }

    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json")
            .body(body.to_string())
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub async fn send(self) -> Answer {
        let client = self.client;
        let answer = client.exchange(&self.written()).await.unwrap();
        Answer::read(&answer)
    }

    fn written(mut self) -> Vec<u8> {
        let length = self.body.len().to_string();
        self = self.header("content-length", &length);
        self.head.push_str("\r\n");
        [self.head.as_bytes(), &self.body].concat()
    }
}

impl Answer {
    fn read(bytes: &[u8]) -> Self {
        let end = bytes
            .windows(4)
            .position(|it| it == b"\r\n\r\n")
            .expect("an answer");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let body = bytes[end + 4..].to_vec();
        Self { status, head, body }
    }

    /// The first of several answers on one connection, and what follows it.
    fn read_one(bytes: &[u8]) -> (Self, &[u8]) {
        let mut answer = Self::read(bytes);
        let length: usize = answer.header("content-length").unwrap().parse().unwrap();
        let after = answer.body.len() - length;
        answer.body.truncate(length);
        (answer, &bytes[bytes.len() - after..])
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self
            .head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "));
        lines
            .find(|(it, _)| it.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body of a success.
    pub fn json<T: DeserializeOwned>(&self) -> T {
        assert!(
            (200..300).contains(&self.status),
            "{} {}",
            self.status,
            self.text()
        );
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The body of an error, whose form is checked.
    pub fn problem(&self) -> DirectoryProblem {
        assert!(self.status >= 400, "{} {}", self.status, self.text());
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{}",
            self.text()
        );
        let problem: DirectoryProblem = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem.status, self.status);
        assert!(!problem.title.is_empty() && !problem.detail.is_empty());
        problem
    }

    /// Checks that it is this error.
    #[track_caller]
    pub fn is(&self, denial: Denial) {
        let problem = self.problem();
        assert_eq!(
            (problem.code, self.status),
            (denial, denial.status()),
            "{problem:?}"
        );
        assert_eq!(
            self.header("retry-after").is_some(),
            denial.passes(),
            "{}",
            self.head
        );
    }

    /// Checks that it is that error, with a status of its own.
    #[track_caller]
    pub fn is_with_status(&self, denial: Denial, status: u16) {
        assert_eq!(
            (self.problem().code, self.status),
            (denial, status),
            "{}",
            self.text()
        );
    }
}
