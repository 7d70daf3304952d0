//! Rates from two looks.

use std::time::Duration;

use kubectl_plenum::exposition::Page;
use kubectl_plenum::top::{LOST, Look, board};

use crate::world::{healthy, pod};

fn look(page: &str) -> Look {
    let mut seen = healthy();
    seen.figures
        .insert(pod("meetings", "main-mmr-x7k2p"), Page::parse(page));
    Look::at(&seen, None)
}

#[test]
fn bytes_become_bits_a_second() {
    let before =
        look("plenum_bytes_out_total{kind=\"audio\"} 1000\nprocess_cpu_seconds_total 10\n");
    let after = look(
        "plenum_bytes_out_total{kind=\"audio\"} 251000\nprocess_cpu_seconds_total 11\nplenum_participants 5\nplenum_participants_limit 80\n",
    );
    let board = board(&before, &after, Duration::from_secs(2));
    let row = &board.routers[0];
    assert_eq!(row.out_bits_per_second, Some(1_000_000.0));
    assert_eq!(row.cpu_cores, Some(0.5));
    assert_eq!(row.in_bits_per_second, None, "it did not say");
    let text = anstream::adapter::strip_str(&board.to_string()).to_string();
    assert!(
        text.contains("meetings/main   main   n1     5/80"),
        "{text}"
    );
    assert!(text.contains("1.0 Mbit/s"), "{text}");
    assert!(
        text.ends_with("1 routers, 5 people, 1.0 Mbit/s out\n"),
        "{text}"
    );
}

#[test]
fn what_a_meeting_is_not_to_have_is_not_lost() {
    let reasons = |not_wanted: u32, lost: u32| {
        let reason = |it: &str, packets| {
            format!("plenum_packets_dropped_total{{reason=\"{it}\"}} {packets}\n")
        };
        reason("not_among_loudest", 10 * not_wanted)
            + &reason("not_wanted", not_wanted)
            + &reason("shed", not_wanted)
            + &reason("receive_buffer", lost)
            + &reason("between_cores_out", 2 * lost)
    };
    let row = |after: &str| {
        let board = board(&look(&reasons(0, 0)), &look(after), Duration::from_secs(2));
        board.routers[0].clone()
    };
    let healthy = row(&reasons(1_000, 0));
    assert_eq!(healthy.lost_packets_per_second, Some(0.0));
    assert_eq!(healthy.dropped_packets_per_second, Some(6_000.0));
    let busy = row(&reasons(1_000, 4));
    assert_eq!(busy.lost_packets_per_second, Some(6.0));
}

#[test]
fn only_packets_that_somebody_misses_are_shown_in_colour() {
    let painted = |reason: &str| {
        let page =
            |packets| format!("plenum_packets_dropped_total{{reason=\"{reason}\"}} {packets}\n");
        let (before, after) = (look(&page(0)), look(&page(500)));
        let text = board(&before, &after, Duration::from_secs(1)).to_string();
        text.contains("\u{1b}[33m")
    };
    assert!(!painted("not_among_loudest"));
    assert!(painted("router_too_slow"));
}

#[test]
fn packets_are_lost_for_the_reasons_that_the_alert_goes_by() {
    let rules = include_str!("../../../../charts/plenum/files/alerts/zones.yaml");
    let alert = rules
        .split("- alert: ")
        .find(|it| it.starts_with("PlenumRouterDropsPackets"));
    let selectors = alert
        .unwrap()
        .split("plenum_packets_dropped_total{reason=")
        .skip(1);
    let reasons = selectors.flat_map(|it| {
        let quoted = it.trim_start_matches('~').trim_start_matches('"');
        quoted.split_once('"').unwrap().0.split('|')
    });
    assert_eq!(reasons.collect::<Vec<_>>(), LOST);
}

#[test]
fn a_router_that_began_anew_has_no_rate() {
    let before = look("plenum_bytes_out_total 1000\n");
    let after = look("plenum_bytes_out_total 10\n");
    let board = board(&before, &after, Duration::from_secs(2));
    assert_eq!(board.routers[0].out_bits_per_second, None);
    assert!(board.to_string().contains("0 people, 0 bit/s out"));
}

#[test]
fn a_cpu_limit_that_is_used_up_is_told_beside_threads_that_look_idle() {
    let at = |limit: &str| {
        let page = format!("plenum_media_busy_ratio 0.31\n{limit}");
        let look = look(&page);
        let board = board(&look, &look, Duration::from_secs(2));
        let text = anstream::adapter::strip_str(&board.to_string()).to_string();
        let words: Vec<String> = text
            .lines()
            .nth(1)
            .unwrap()
            .split(' ')
            .rev()
            .map(str::to_owned)
            .collect();
        let words = words.into_iter().filter(|it| !it.is_empty()).take(3);
        (
            board.routers[0].cpu_limit_used_ratio,
            words.collect::<Vec<_>>(),
        )
    };
    let (ratio, words) = at("plenum_cpu_limit_used_ratio 0.98\n");
    assert_eq!(ratio, Some(0.98));
    assert_eq!(words, ["?", "98%", "31%"]);
    let (ratio, words) = at("plenum_cpu_limit_used_ratio 0\n");
    assert_eq!(ratio, Some(0.0));
    assert_eq!(words[1], "-", "it has no limit");
    let (ratio, words) = at("");
    assert_eq!(ratio, None);
    assert_eq!(words[1], "?", "its version does not say");
}

#[test]
fn only_the_zone_that_was_asked_for_is_shown() {
    let seen = healthy();
    let look = Look::at(&seen, Some("elsewhere"));
    assert!(
        board(&look, &look, Duration::from_secs(1))
            .routers
            .is_empty()
    );
}
