//! Requests that mean two things, are too long or too slow.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::site::{Echo, Site, within};

/// Whatever a proxy before us or a server behind us might read in these, nothing goes on.
#[tokio::test]
async fn a_request_that_could_mean_two_things_is_refused() {
    let (echo, other) = (Echo::start().await, Echo::start().await);
    let site = Site::leading_to(&[echo.address]);
    let (good, evil) = (echo.address, other.address);
    let connect = |rest: &str| format!("CONNECT {good} HTTP/1.1\r\n{rest}\r\n");
    let host = format!("Host: {good}\r\n");
    let requests = [
        // A body, or the beginning of another request.
        connect(&format!("{host}Content-Length: 4\r\n")) + "GET ",
        connect(&format!("{host}Content-Length: 0\r\n")),
        connect(&format!("{host}Transfer-Encoding: chunked\r\n")) + "0\r\n\r\n",
        connect(&format!(
            "{host}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"
        )) + "0\r\n\r\n",
        connect(&format!("{host}Content-Length: 4\r\nContent-Length: 5\r\n")) + "12345",
        connect(&format!("{host}Transfer-Encoding : chunked\r\n")) + "0\r\n\r\n",
        connect(&format!("{host}Transfer-Encoding: identity, chunked\r\n")) + "0\r\n\r\n",
        // Two opinions about the target.
        connect(""),
        connect(&format!("Host: {evil}\r\n")),
        connect(&format!("{host}Host: {evil}\r\n")),
        connect(&format!("{host}{host}")),
        connect(&format!("Host: {good}, {evil}\r\n")),
        connect(&format!("Host:\r\n {good}\r\n")),
        format!("CONNECT {good} {evil} HTTP/1.1\r\n{host}\r\n"),
        format!("CONNECT {good}\r\nHost: {good} HTTP/1.1\r\n{host}\r\n"),
        format!("CONNECT {good}\tHTTP/1.1\r\n{host}\r\n"),
        format!("CONNECT http://{good}/ HTTP/1.1\r\n{host}\r\n"),
        format!("CONNECT //{good} HTTP/1.1\r\n{host}\r\n"),
        format!("CONNECT /{good} HTTP/1.1\r\n{host}\r\n"),
        format!("CONNECT {good}/ HTTP/1.1\r\n{host}\r\n"),
        format!("CONNECT evil@{good} HTTP/1.1\r\nHost: evil@{good}\r\n\r\n"),
        "CONNECT * HTTP/1.1\r\nHost: *\r\n\r\n".to_owned(),
        // Another protocol or method.
        format!("CONNECT {good} HTTP/1.0\r\n{host}\r\n"),
        format!("CONNECT {good} HTTP/2.0\r\n{host}\r\n"),
        format!("CONNECT {good} HTTP/0.9\r\n{host}\r\n"),
        format!("CONNECT {good}\r\n\r\n"),
        format!("connect {good} HTTP/1.1\r\n{host}\r\n"),
        format!("GET {good} HTTP/1.1\r\n{host}\r\n"),
        // An ordinary proxy.
        format!("GET http://{good}/v1/ping HTTP/1.1\r\n{host}\r\n"),
        format!("GET http://{good}/v1/forward?to={good}&path=/v1/control HTTP/1.1\r\n{host}\r\n"),
        format!("GET https://{good}/ HTTP/1.1\r\n{host}\r\n"),
        format!("OPTIONS http://{good}/ HTTP/1.1\r\n{host}\r\n"),
        // Bytes that others pass over.
        format!("CONNECT {good}\0 HTTP/1.1\r\n{host}\r\n"),
        connect(&format!("Host: {good}\0\r\n")),
        connect(&format!("{host}X: a\rHost: {evil}\r\n")),
        connect(&format!("{host} folded\r\n")),
        connect(&format!("{host}: empty\r\n")),
        // Another protocol altogether.
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "\x05\x01\x00\r\n\r\n".to_owned(),
        "SSH-2.0-x\r\n\r\n".to_owned(),
    ];
    for request in requests {
        let answer = site.send(&request).await;
        let status = answer.status;
        let refused = status == 0 || (400..600).contains(&status);
        assert!(refused, "{request:?}: {}", answer.head);
        // And nothing that follows on this connection is heard.
        let rest = answer.rest().await;
        assert!(!rest.contains('\r'), "{request:?}: {rest}");
    }
    assert_eq!((echo.came(), other.came()), (0, 0));
}

#[tokio::test]
async fn what_follows_a_refused_connect_is_no_request() {
    let site = Site::leading_to(&[Echo::start().await.address]);
    let refused = "CONNECT 192.0.2.1:443 HTTP/1.1\r\nHost: 192.0.2.1:443\r\n\r\n";
    let smuggled = "GET /v1/ping HTTP/1.1\r\nHost: tunnel\r\n\r\n";
    let answer = site.send(&format!("{refused}{smuggled}")).await;
    assert_eq!(answer.status, 403, "{}", answer.head);
    let rest = answer.rest().await;
    assert!(!rest.contains("204"), "{rest}");
}

#[tokio::test]
async fn what_follows_a_connect_at_once_is_the_targets() {
    let echo = Echo::start().await;
    let site = Site::leading_to(&[echo.address]);
    let request = format!(
        "CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n\r\nGET /v1/ping",
        echo.address
    );
    let mut tunnel = site.send(&request).await.tunnel();
    let mut heard = [0; 12];
    within(tunnel.read_exact(&mut heard)).await.unwrap();
    assert_eq!(&heard, b"GET /v1/ping");
}

#[tokio::test]
async fn a_head_without_end_is_cut_off() {
    let echo = Echo::start().await;
    let site = Site::leading_to(&[echo.address]);
    let start = format!("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n", echo.address);
    let one = format!("{start}X: {}\r\n\r\n", "x".repeat(1_000_000));
    let many = format!("{start}{}\r\n", "X: x\r\n".repeat(1_000));
    let target = format!("CONNECT {}:443 HTTP/1.1\r\n\r\n", "a".repeat(100_000));
    for request in [one, many, target] {
        let answer = site.send(&request).await;
        assert!(
            matches!(answer.status, 0 | 400 | 414 | 431),
            "{}",
            answer.head
        );
        answer.rest().await;
    }
    assert_eq!(echo.came(), 0);
}

/// Each byte comes in time, but the head does not end.
#[tokio::test]
async fn a_slow_head_is_cut_off_and_holds_nobody_up() {
    let echo = Echo::start().await;
    let site = Site::leading_to(&[echo.address]);
    let slow = site.open().await;
    let (mut from, mut to) = tokio::io::split(slow);
    let mut drip = tokio::time::interval(std::time::Duration::from_millis(100));
    let dripping = async {
        loop {
            drip.tick().await;
            if to.write_all(b"X").await.is_err() {
                return;
            }
        }
    };
    let ended = async {
        let mut heard = Vec::new();
        let _ = from.read_to_end(&mut heard).await;
    };
    let beside = async {
        let mut tunnel = site.connect(echo.address, "").await.tunnel();
        crate::site::echoes(&mut tunnel, "beside it").await;
        std::future::pending::<()>().await;
    };
    within(async {
        tokio::select! {
            () = ended => {}
            () = dripping => {}
            () = beside => {}
        }
    })
    .await;
}

/// A client that says nothing at all, not even in TLS.
#[tokio::test]
async fn a_silent_client_is_cut_off() {
    let site = Site::leading_to(&[]);
    let mut silent = within(tokio::net::TcpStream::connect(site.address))
        .await
        .unwrap();
    let mut heard = Vec::new();
    let _ = within(silent.read_to_end(&mut heard)).await;
    assert!(heard.is_empty());
}
