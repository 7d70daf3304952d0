//! HTTP over TLS by hand: some of it is nothing that a client library would send.

use plenum_transport::tls::{Trust, client_config};
use plenum_wire::join::{Offer, Problem};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::site::{Site, within};

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// The error that it is, checked to be one by its type too.
    pub fn problem(&self) -> Problem {
        assert!(self.head.contains("application/problem+json"), "{self:?}");
        let problem: Problem = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem.status, self.status);
        problem
    }
}

/// Sends bytes to the HTTPS port within TLS, and reads until the other side closes.
pub async fn send(site: &Site, bytes: &[u8]) -> Answer {
    let authority = std::fs::read(site.file("ca.crt")).unwrap();
    let trust = Trust::from_pem(&authority).unwrap();
    let config = client_config(&trust, None, &[b"http/1.1"]).unwrap();
    let address = site.https();
    let stream = TcpStream::connect(address).await.unwrap();
    let connecting = TlsConnector::from(config).connect(address.ip().into(), stream);
    let mut stream = within(connecting).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // A server that has heard enough may reset the connection after its answer.
    let _ = within(stream.read_to_end(&mut answer)).await;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Answer {
        status: status.unwrap_or_else(|| panic!("no HTTP: {answer:?}")),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// A request with a body; the connection closes after it.
pub async fn request(site: &Site, method: &str, path: &str, body: &str) -> Answer {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    send(site, request.as_bytes()).await
}

/// What the zone offers somebody who joins.
pub async fn offer(site: &Site, meeting: &str) -> Offer {
    let path = format!("/v1/meetings/{meeting}/join");
    let answer = request(site, "POST", &path, "{}").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_str(&answer.body).unwrap()
}
