//! Who is refused while they are still sending hears why.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

mod common;

use axum::http::StatusCode;
use axum::routing::put;
use common::{Authority, connect_tls, serve, within};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const NAME: &str = "controller.test";

/// Nobody reads what is sent here.
fn app() -> axum::Router {
    axum::Router::new().route("/", put(async || StatusCode::UNAUTHORIZED))
}

/// What a client gets that writes its whole request before it reads.
async fn after_sending(bytes: usize, header: &str) -> std::io::Result<String> {
    let authority = Authority::new();
    let (address, ..) = serve(&authority.issue(NAME, None), None, app());
    let trust = authority.trust();
    let mut stream = connect_tls(address, NAME, &trust, None, b"http/1.1").await?;
    let head = format!(
        "PUT / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{header}Content-Length: {bytes}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&vec![b'x'; bytes]).await?;
    stream.flush().await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8(answer).unwrap())
}

#[tokio::test]
async fn a_body_that_nobody_reads_takes_no_answer_with_it() {
    for bytes in [0, 1, 30_000, 200_000] {
        let answer = within(after_sending(bytes, "")).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 401 "), "{bytes}: {answer}");
    }
}

/// Nobody sends for ever: the connection ends, with the answer or without.
#[tokio::test]
async fn a_body_that_is_far_too_long_is_not_waited_for() {
    let answer = within(after_sending(64 << 20, "")).await;
    assert!(
        answer
            .as_ref()
            .map_or(true, |it| it.starts_with("HTTP/1.1 401 ")),
        "{answer:?}"
    );
}

/// It is not asked for either.
#[tokio::test]
async fn who_waits_to_be_asked_is_refused_at_once() {
    let authority = Authority::new();
    let (address, ..) = serve(&authority.issue(NAME, None), None, app());
    let answer = within(async {
        let trust = authority.trust();
        let mut stream = connect_tls(address, NAME, &trust, None, b"http/1.1")
            .await
            .unwrap();
        let head = "PUT / HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\n\
                    Content-Length: 1000\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = vec![0; 13];
        stream.read_exact(&mut answer).await.unwrap();
        answer
    })
    .await;
    assert_eq!(answer, b"HTTP/1.1 401 ");
}
