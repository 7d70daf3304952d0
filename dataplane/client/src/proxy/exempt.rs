//! `NO_PROXY`: hosts, suffixes, addresses and networks that are reached without the proxy, each
//! maybe with a port. Pure.

use std::net::Ipv6Addr;

use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

/// Longest list that is looked at, in bytes; more is as if it were not there.
const LONGEST: usize = 64 * 1_024;

/// Whether `NO_PROXY` names the host of `url`.
pub(super) fn is(no_proxy: &str, url: &Url) -> bool {
    let port = url.port_or_known_default().unwrap_or_default();
    let no_proxy = no_proxy.get(..LONGEST).unwrap_or(no_proxy);
    let entries = no_proxy.split([',', ' ']).filter(|entry| !entry.is_empty());
    let entries: Vec<&str> = entries.filter_map(|entry| at(entry, port)).collect();
    // The library decides on hosts; which proxy it would use instead does not matter.
    let matcher = Matcher::builder()
        .all("http://proxy.invalid")
        .no(entries.join(","))
        .build();
    let uri = url.as_str().parse().ok();
    uri.is_some_and(|uri| matcher.intercept(&uri).is_none())
}

/// The entry without its port, if that is `port` or if it has none.
fn at(entry: &str, port: u16) -> Option<&str> {
    if entry.parse::<Ipv6Addr>().is_ok() || entry.contains('/') {
        return Some(entry);
    }
    match entry.rsplit_once(':') {
        Some((host, only)) if only.parse::<u16>().is_ok() => {
            let host = host.trim_matches(['[', ']']);
            (only.parse() == Ok(port)).then_some(host)
        }
        _ => Some(entry.trim_matches(['[', ']'])),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn exempt(no_proxy: &str, url: &str) -> bool {
        is(no_proxy, &Url::parse(url).unwrap())
    }

    #[test]
    fn hosts_suffixes_addresses_and_networks_are_known() {
        for (no_proxy, url) in [
            ("*", "https://any.example"),
            ("zone.example", "https://zone.example"),
            ("example", "https://zone.example"),
            (".example", "https://zone.example"),
            ("other, .Example", "https://zone.example:8443"),
            ("10.0.0.0/8", "https://10.1.2.3"),
            ("10.1.2.3", "https://10.1.2.3:8443"),
            ("2001:db8::/32", "https://[2001:db8::1]"),
            ("2001:db8::1", "https://[2001:db8::1]"),
            ("[2001:db8::1]", "https://[2001:db8::1]"),
            ("zone.example:443", "https://zone.example"),
            ("zone.example:8443", "https://zone.example:8443"),
            ("10.1.2.3:443", "https://10.1.2.3"),
            ("[2001:db8::1]:443", "https://[2001:db8::1]"),
        ] {
            assert!(exempt(no_proxy, url), "{no_proxy} {url}");
        }
    }

    #[test]
    fn others_go_through_the_proxy() {
        for (no_proxy, url) in [
            ("", "https://zone.example"),
            ("zone.example", "https://otherzone.example"),
            ("ample", "https://zone.example"),
            ("zone.example:8443", "https://zone.example"),
            ("10.0.0.0/8", "https://192.0.2.1"),
            ("10.0.0.0/8", "https://10.example"),
            ("2001:db8::/32", "https://[2001:db9::1]"),
            ("[2001:db8::1]:8443", "https://[2001:db8::1]"),
        ] {
            assert!(!exempt(no_proxy, url), "{no_proxy} {url}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_in_the_list_a_host_that_it_names_is_exempt(list in ".{0,200}") {
            let named = format!("zone.example,{list}");
            prop_assert!(exempt(&named, "https://zone.example"));
            exempt(&list, "https://[2001:db8::1]:8443");
        }
    }
}
