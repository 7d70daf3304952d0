//! Connections, open and turned away.

use std::fmt;

use plenum_transport::https;
use plenum_transport::media::{self, RungCounters};
use plenum_wire::Rung;

use super::Page;

/// Of all rungs, and of the HTTPS port.
pub(super) fn write(
    page: &mut Page,
    media: &media::Counters,
    https: &https::Counters,
) -> fmt::Result {
    let by_rung = |of: fn(&RungCounters) -> u64| {
        Rung::ALL.map(|rung| ("rung", rung.as_str(), of(media.of(rung))))
    };
    let help = "Media connections that are open";
    page.gauge(
        "plenum_media_connections",
        help,
        &by_rung(|rung| rung.opened.saturating_sub(rung.closed)),
    )?;
    let help = "Media connections opened since the start";
    page.counter(
        "plenum_media_connections_opened",
        help,
        &by_rung(|r| r.opened),
    )?;
    let help = "Media connections turned away, too many of one address or of everybody; of rung tls all that were to the HTTPS port";
    let refused =
        Rung::ALL.map(|rung| ("rung", rung.as_str(), refused(rung, media, https.refused())));
    page.counter("plenum_media_connections_refused", help, &refused)?;
    let help = "What came to a media port and was no media";
    page.counter("plenum_media_garbage", help, &by_rung(|rung| rung.garbage))?;
    let results = [
        ("result", "opened", https.opened()),
        ("result", "garbage", https.garbage()),
        ("result", "refused", https.refused()),
    ];
    page.counter(
        "plenum_https_connections",
        "Connections to the HTTPS port",
        &results,
    )
}

/// Who is turned away at the HTTPS port has not said yet what for: on rung `tls` they count, as
/// that is where they would have come in.
const fn refused(rung: Rung, media: &media::Counters, at_https: u64) -> u64 {
    let on_rung = media.of(rung).refused;
    match rung {
        Rung::Udp | Rung::Tcp => on_rung,
        Rung::Tls => on_rung + at_https,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_turned_away_at_the_https_port_counts_on_rung_tls_alone() {
        let of_rung = |refused| RungCounters {
            refused,
            ..RungCounters::default()
        };
        let media = media::Counters {
            udp: of_rung(1),
            tcp: of_rung(2),
            tls: of_rung(3),
        };
        assert_eq!(Rung::ALL.map(|rung| refused(rung, &media, 10)), [1, 2, 13]);
    }
}
