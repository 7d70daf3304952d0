//! Joins by other ways than the straight one, and networks that answer themselves.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use plenum_client::exit;
use plenum_emulator::{HttpProxy, ProxyRules};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::site::{Ended, Site, plenum};

/// A name that no DNS knows (RFC 6761 section 6.4).
const NAME: &str = "zone.invalid";

/// A site that is called by a name which only a proxy knows.
async fn named_site() -> Site {
    Site::start(&["--hostname", NAME]).await
}

fn rules(site: &Site) -> ProxyRules {
    let names = [(NAME.to_owned(), IpAddr::from(Ipv4Addr::LOCALHOST))];
    ProxyRules {
        ports: vec![site.https().port()],
        names: BTreeMap::from(names),
        ..ProxyRules::default()
    }
}

/// `plenum join` at a site by its name.
fn join(site: &Site) -> Command {
    let mut join = plenum();
    let url = format!("https://{NAME}:{}", site.https().port());
    join.args([
        "join",
        "--output",
        "json",
        "--meeting",
        "4711",
        "--for",
        "0",
    ]);
    join.args(["--zone", &url])
        .arg("--ca")
        .arg(site.file("ca.crt"));
    join
}

#[tokio::test]
async fn a_proxy_carries_where_nothing_else_leads_out() {
    let site = named_site().await;
    let proxy = HttpProxy::start(rules(&site)).await.unwrap();
    let told = format!("http://{}", proxy.address());
    let mut by_environment = join(&site);
    by_environment.env("HTTPS_PROXY", &told);
    let mut by_argument = join(&site);
    by_argument.args(["--proxy", &told]);
    for mut command in [by_environment, by_argument] {
        let ended = Ended::of(command.spawn().unwrap()).await;
        assert_eq!(ended.status, 0, "{ended:?}");
        let report = ended.report();
        assert_eq!(report["route"], "proxy", "{ended:?}");
        // The proxy connects to no other port, as companies' do.
        for kind in ["audio", "video", "content"] {
            assert_eq!(report["rungs"][kind], "tls", "{ended:?}");
        }
    }
    let zone = format!("{NAME}:{}", site.https().port());
    assert!(proxy.asked().contains(&zone), "{:?}", proxy.asked());
}

#[tokio::test]
async fn a_password_that_the_proxy_does_not_know_is_told() {
    let site = named_site().await;
    let rules = ProxyRules {
        // ada:right
        authorization: Some("Basic YWRhOnJpZ2h0".to_owned()),
        ..rules(&site)
    };
    let proxy = HttpProxy::start(rules).await.unwrap();
    let with = async |who: &str| {
        let mut join = join(&site);
        join.env("HTTPS_PROXY", format!("http://{who}{}", proxy.address()));
        Ended::of(join.spawn().unwrap()).await
    };
    assert_eq!(with("ada:right@").await.report()["route"], "proxy");
    let wrong = with("ada:wrong@").await;
    let parts = [
        "does not accept the credentials",
        "--proxy http://USER:PASSWORD",
    ];
    wrong.assert_failed(exit::UNREACHABLE, &parts);
    assert!(
        !wrong.stdout.contains("wrong"),
        "a secret is told: {wrong:?}"
    );
    let without = with("").await;
    without.assert_failed(exit::UNREACHABLE, &["asks for a user name"]);
}

#[tokio::test]
async fn a_proxy_that_is_not_needed_is_not_used() {
    let site = Site::start(&[]).await;
    let proxy = HttpProxy::start(ProxyRules::default()).await.unwrap();
    let mut join = site.join("4711");
    join.args(["--for", "0"])
        .env("HTTPS_PROXY", format!("http://{}", proxy.address()));
    let ended = Ended::of(join.spawn().unwrap()).await;
    let report = ended.report();
    assert_eq!(
        (&report["route"], &report["rungs"]["audio"]),
        (&"direct".into(), &"udp".into()),
        "{ended:?}"
    );
}

#[tokio::test]
async fn one_of_two_names_that_dns_does_not_know_keeps_nobody_out() {
    let site = Site::start(&[]).await;
    let mut join = site.join("4711");
    join.args(["--for", "0", "--zone", &format!("https://{NAME}:1")]);
    let ended = Ended::of(join.spawn().unwrap()).await;
    assert_eq!(ended.status, 0, "{ended:?}");
}

/// A network in which every request is answered with the way to a page for signing in.
async fn portal() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 1_024];
                let _ = stream.read(&mut request).await;
                let answer = "HTTP/1.1 302 Found\r\nlocation: http://portal.invalid/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    address
}

#[tokio::test]
async fn a_network_that_wants_a_sign_in_first_is_told_apart() {
    let portal = portal().await;
    for first in ["--directory", "--zone"] {
        let mut join = plenum();
        join.args(["join", "--output", "json", "--meeting", "4711"]);
        join.args([first, &format!("https://{portal}")]);
        let ended = Ended::of(join.spawn().unwrap()).await;
        let parts = ["sign in first", "portal.invalid", "browser"];
        ended.assert_failed(exit::UNREACHABLE, &parts);
    }
}

#[tokio::test]
async fn a_directory_or_a_zone_is_needed_and_not_both() {
    let both = [
        "--zone",
        "https://a.invalid",
        "--directory",
        "https://b.invalid",
    ];
    for more in [&both[..], &[]] {
        let mut join = plenum();
        join.args(["join", "--meeting", "1"]).args(more);
        let ended = Ended::of(join.spawn().unwrap()).await;
        assert_eq!(ended.status, i32::from(exit::USAGE), "{ended:?}");
        assert!(ended.stderr.contains("--directory <URL>"), "{ended:?}");
    }
}
