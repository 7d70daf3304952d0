//! An address of a proxy as people write it: `http://USER:PASSWORD@HOST:PORT`. Pure, but for
//! the system's authorities, which vouch for proxies over TLS.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use plenum_transport::route::{Credentials, Hop};
use plenum_transport::tls::Trust;
use url::Url;

/// Longest address in bytes.
const LONGEST: usize = 4_096;

/// Reads an address; without a scheme it is `http://`. The error is the rest of a sentence that
/// begins with where the address comes from, and shows none of the address: it may hold a
/// password.
pub(super) fn read(text: &str) -> Result<Hop, String> {
    let text = text.trim();
    if text.len() > LONGEST {
        return Err("is too long for an address".to_owned());
    }
    let text = if text.contains("://") {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("http://{text}"))
    };
    let url = Url::parse(&text).map_err(|error| format!("is no address of a proxy ({error})"))?;
    let host = url.host_str().filter(|host| !host.is_empty());
    let host = host.ok_or("names no host")?;
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err("goes on after its port, as no address of a proxy does".to_owned());
    }
    // What a scheme's port is by default is what curl takes too, but for proxies over HTTP.
    let hop = match url.scheme() {
        "http" => Hop::plain(host, url.port().unwrap_or(80)),
        "https" => Hop::tls(host, url.port().unwrap_or(443), &trust()),
        scheme @ ("socks" | "socks4" | "socks4a" | "socks5" | "socks5h") => {
            return Err(format!(
                "is for {scheme}, which is not spoken here: HTTP CONNECT is"
            ));
        }
        _ => return Err("begins neither with http:// nor with https://".to_owned()),
    };
    let hop = hop.and_then(|hop| hop.with(&credentials(&url)));
    hop.map_err(|error| format!("cannot be used: {error}"))
}

fn credentials(url: &Url) -> Credentials {
    if url.username().is_empty() && url.password().is_none() {
        return Credentials::None;
    }
    let decode = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
    Credentials::Basic {
        user: decode(url.username()),
        password: decode(url.password().unwrap_or_default()),
    }
}

/// A company's proxy has a certificate of the company's authority, which the system knows.
fn trust() -> Trust {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        Trust::WebPki
    } else {
        Trust::Roots(found.certs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (text, hop, credentials) in [
            (
                "http://proxy.example:3128",
                "http://proxy.example:3128",
                false,
            ),
            ("proxy.example:3128", "http://proxy.example:3128", false),
            ("proxy.example", "http://proxy.example:80", false),
            (" http://10.0.0.1:8080/ ", "http://10.0.0.1:8080", false),
            (
                "http://[2001:db8::1]:8080",
                "http://[2001:db8::1]:8080",
                false,
            ),
            ("http://user:p%40ss@proxy:3128", "http://proxy:3128", true),
            ("http://user@proxy:3128", "http://proxy:3128", true),
            ("user:secret@proxy:3128", "http://proxy:3128", true),
        ] {
            let read = read(text).unwrap();
            assert_eq!(read.to_string(), hop, "{text}");
            assert_eq!(read.has_credentials(), credentials, "{text}");
        }
        let over_tls = read("https://proxy.example").unwrap();
        assert_eq!(over_tls.to_string(), "https://proxy.example:443");
        assert!(over_tls.is_tls());
    }

    #[test]
    fn credentials_are_decoded() {
        let url = Url::parse("http://us%3Aer:p%40%C3%A9@proxy").unwrap();
        let expected = Credentials::Basic {
            user: "us:er".to_owned(),
            password: "p@\u{e9}".to_owned(),
        };
        assert!(credentials(&url) == expected);
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_showing_the_password() {
        for text in [
            "",
            "http://",
            "socks5://user:secret@proxy:1080",
            "ftp://user:secret@proxy",
            "http://user:secret@proxy:99999",
            "http://user:secret@proxy:3128/path",
            "http://us%3Aer:secret@proxy:3128",
            "http://user:secret@two words",
            &format!("http://user:secret@{}", "x".repeat(5_000)),
        ] {
            let wrong = read(text).unwrap_err();
            assert!(!wrong.contains("secret"), "{wrong}");
        }
    }
}
