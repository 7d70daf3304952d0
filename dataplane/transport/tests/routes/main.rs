//! A connection takes its route: through proxies with and without passwords, inside TLS, one
//! after another; and where it ends early, the error says why and keeps the password.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

#[path = "../common/mod.rs"]
mod common;

mod http;
mod media;
mod problems;
mod through;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use plenum_emulator::{HttpProxy, ProxyRules};
use plenum_transport::route::{Credentials, Hop, Route, Stream};
use plenum_transport::tls::{Identity, server_config};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// `open sesame` of Aladdin, as RFC 7617 writes it.
const PROOF: &str = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";

fn aladdin(password: &str) -> Credentials {
    Credentials::Basic {
        user: "Aladdin".to_owned(),
        password: password.to_owned(),
    }
}

fn behind(proof: &str) -> ProxyRules {
    ProxyRules {
        authorization: Some(proof.to_owned()),
        ..ProxyRules::default()
    }
}

async fn proxy(rules: ProxyRules) -> HttpProxy {
    HttpProxy::start(rules).await.unwrap()
}

/// A proxy over TLS, with such a certificate.
async fn tls_proxy(rules: ProxyRules, identity: &Identity) -> HttpProxy {
    let config = server_config(identity, None, &[b"http/1.1"]).unwrap();
    let acceptor = TlsAcceptor::from(config);
    let wrapped = HttpProxy::start_behind(rules, move |stream| acceptor.accept(stream));
    wrapped.await.unwrap()
}

fn hop(proxy: &HttpProxy) -> Hop {
    plain(proxy.address())
}

fn plain(address: SocketAddr) -> Hop {
    Hop::plain(&address.ip().to_string(), address.port()).unwrap()
}

fn via(hop: Hop) -> Route {
    Route::through([hop])
}

/// Says everything back.
async fn echo(address: IpAddr) -> SocketAddr {
    let listener = TcpListener::bind((address, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    address
}

async fn local_echo() -> SocketAddr {
    echo(Ipv4Addr::LOCALHOST.into()).await
}

/// Fails unless what is said comes back, more than any buffer on the way.
async fn echoes(stream: Stream) {
    let words: Arc<[u8]> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    let (mut read, mut write) = tokio::io::split(stream);
    let said = Arc::clone(&words);
    let saying = tokio::spawn(async move {
        write.write_all(&said).await.unwrap();
        write.flush().await.unwrap();
        write
    });
    let mut heard = vec![0; words.len()];
    read.read_exact(&mut heard).await.unwrap();
    assert!(heard == words[..]);
    saying.await.unwrap();
}
