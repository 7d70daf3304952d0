//! Who does not get in, when that is told, and in which words.

use crate::connect::words::Fault;
use crate::error::exit;

use super::run::Seen;
use super::world::*;
use super::*;

fn assert_told(seen: &Seen, status: u8, parts: &[&str]) {
    let text = seen.error().to_string();
    assert_eq!(seen.error().exit_status(), status, "{text}");
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

#[test]
fn a_refusal_for_good_is_told_at_once() {
    let table: [(Denial, &[&str]); 6] = [
        (
            Denial::UnknownMeeting,
            &["4711", "no such meeting", "number"],
        ),
        (
            Denial::PasscodeRequired,
            &["asks for a passcode", "--passcode"],
        ),
        (Denial::WrongPasscode, &["not the meeting's passcode"]),
        (Denial::SignInRequired, &["sign in", "--token"]),
        (Denial::Refused, &["did not let you in"]),
        (Denial::Over, &["is over"]),
    ];
    for (code, parts) in table {
        let mut world = world();
        world.directories[0].says = Says::No(code, None);
        let seen = world.join();
        assert_told(&seen, exit::REFUSED, parts);
        assert_eq!((seen.lookups, seen.ms()), (1, 120), "{code:?}");
    }
}

#[test]
fn a_directory_that_cannot_answer_is_asked_again_until_the_time_is_up() {
    for code in [Denial::Unavailable, Denial::NoZone] {
        let mut world = world();
        world.directories[0].says = Says::No(code, None);
        let seen = world.join();
        assert_told(&seen, exit::FULL, &["Try again in a minute"]);
        assert!(seen.lookups > 5 && seen.ms() <= 15_000, "{seen:?}");
    }
}

#[test]
fn who_may_only_ask_again_when_the_time_is_up_is_told_at_once() {
    let mut world = world();
    // Whatever the number is: it comes from outside.
    for after in [Duration::from_hours(1), Duration::MAX] {
        for code in [Denial::TooManyRequests, Denial::NotYet] {
            world.directories[0].says = Says::No(code, Some(after));
            let seen = world.join();
            assert_told(&seen, exit::FULL, &[]);
            assert!(seen.ms() < 200, "{code:?}: {} ms", seen.ms());
        }
    }
}

#[test]
fn a_host_who_never_comes_is_waited_for_as_long_as_was_said() {
    let mut world = world();
    world.directories[0].says = Says::No(Denial::WaitingForHost, None);
    world.patience = Duration::from_secs(60);
    let seen = world.join();
    assert_told(&seen, exit::FULL, &["host"]);
    assert!((55_000..=60_000).contains(&seen.ms()), "{} ms", seen.ms());
}

#[test]
fn who_does_not_want_to_wait_is_told_at_once_that_a_host_has_to_come() {
    let table = [
        (Denial::WaitingForHost, "a host has to let you in"),
        (Denial::NotYet, "has not begun"),
    ];
    for (code, part) in table {
        let mut world = world();
        world.directories[0].says = Says::No(code, None);
        world.patience = Duration::ZERO;
        let seen = world.join();
        assert_told(&seen, exit::FULL, &[part]);
        assert_eq!((seen.lookups, seen.ms()), (1, 120), "{code:?}");
    }
}

#[test]
fn what_no_waiting_mends_is_told_at_once() {
    let table: [(Fault, &[&str]); 2] = [
        (Fault::Untrusted, &["is not trusted", "--ca"]),
        (Fault::ProxyLogin, &["password", "--proxy"]),
    ];
    for (fault, parts) in table {
        let mut world = world();
        world.directories[0].ways = vec![Way::Wrong(fault)];
        let seen = world.join();
        assert_told(&seen, exit::UNREACHABLE, parts);
        assert_eq!(seen.ms(), 1, "{fault:?}");
    }
}

#[test]
fn a_network_that_wants_a_sign_in_is_told_when_nothing_else_was_seen_for_a_while() {
    for ways in [1, 2] {
        let mut world = world();
        world.outs = ways;
        world.directories[0].ways = vec![Way::Wrong(Fault::Portal); ways];
        let seen = world.join();
        assert_told(&seen, exit::UNREACHABLE, &["sign in", "browser"]);
        assert!((500..=2_000).contains(&seen.ms()), "{} ms", seen.ms());
    }
}

#[test]
fn a_wrong_password_is_told_rather_than_the_firewall_that_makes_it_needed() {
    for blocked in [Way::Hole, Way::Wrong(Fault::Refused)] {
        let mut world = world();
        world.outs = 2;
        world.directories[0].ways = vec![blocked, Way::Wrong(Fault::ProxyLogin)];
        let seen = world.join();
        assert_told(
            &seen,
            exit::UNREACHABLE,
            &["does not accept the credentials", "password"],
        );
        // The firewall may be only one who starts again: two looks of 4 s where it is silent.
        assert!((4_000..9_000).contains(&seen.ms()), "{} ms", seen.ms());
    }
}

#[test]
fn a_network_without_any_way_out_is_told_when_the_time_is_up() {
    for way in [Way::Hole, Way::Wrong(Fault::Refused)] {
        let mut world = world();
        world.directories[0].ways = vec![way];
        let seen = world.join();
        let parts = [
            "no directory answered",
            "directory0.example",
            "plenum doctor",
        ];
        assert_told(&seen, exit::UNREACHABLE, &parts);
        assert!((10_000..=15_000).contains(&seen.ms()), "{} ms", seen.ms());
    }
}

#[test]
fn controllers_that_nobody_reaches_are_named() {
    let mut world = world();
    world.zones = vec![Zone::at(&[Way::Hole]).with_tunnel(&[Way::Wrong(Fault::Refused)])];
    let seen = world.join();
    assert_told(
        &seen,
        exit::UNREACHABLE,
        &[
            "no zone controller answered",
            "zc0-0",
            "no tunnel at",
            "Refused",
        ],
    );
    assert!(seen.ms() <= 15_000);
}

#[test]
fn a_full_zone_is_full_and_not_unreachable() {
    let mut world = world();
    world.zones[0].refusal = Some((Refusal::ZoneFull, usize::MAX));
    let seen = world.join();
    assert_told(&seen, exit::FULL, &["full", "times in"]);
    assert!(seen.ms() <= 15_000);
}

#[test]
fn a_zone_that_was_full_is_not_unreachable_because_the_time_is_up() {
    let mut world = world();
    world.zones[0].refusal = Some((Refusal::ZoneFull, usize::MAX));
    // Shorter than the answer that would come next.
    world.within = Duration::from_millis(330);
    let seen = world.join();
    assert!(seen.asked.len() > 1, "{seen:?}");
    assert_told(&seen, exit::FULL, &["full"]);
}

#[test]
fn what_a_zone_refuses_for_good_is_not_asked_again() {
    let mut world = world();
    world.zones[0].refusal = Some((Refusal::UnknownMeeting, usize::MAX));
    let seen = world.join();
    assert_told(&seen, exit::REFUSED, &["no such meeting"]);
    assert_eq!(seen.asked.len(), 1);
}

#[test]
fn a_directory_that_knows_no_zone_is_told() {
    let mut world = world();
    world.zones.clear();
    let seen = world.join();
    assert_told(&seen, exit::FULL, &["no zone is ready"]);
}

#[test]
fn who_was_let_in_does_not_wait_for_an_unreachable_zone_as_long_as_for_the_host() {
    let mut world = world();
    world.directories[0].says = Says::Later(Denial::WaitingForHost, 1);
    world.zones = vec![Zone::at(&[Way::Hole])];
    let seen = world.join();
    assert_told(&seen, exit::UNREACHABLE, &["no zone controller answered"]);
    // The wait, and the time to join.
    assert!(seen.ms() < 2_500 + 15_000, "{} ms", seen.ms());
}

#[test]
fn a_directory_that_has_somebody_wait_again_is_waited_for_again() {
    let mut world = world();
    world.directories[0].says = Says::Later(Denial::WaitingForHost, 20);
    let seen = world.join();
    seen.found();
    assert_eq!(seen.news, [News::WaitingForHost]);
    assert!(seen.ms() > 30_000, "{} ms", seen.ms());
}

#[test]
fn a_proxy_that_is_away_is_told_beside_what_is_wrong_straight_ahead() {
    // Its name may be left from another network.
    let mut world = world();
    world.outs = 2;
    world.directories[0].ways = vec![Way::Wrong(Fault::Refused), Way::Wrong(Fault::ProxyAway)];
    let parts = ["no directory answered", "Refused", "ProxyAway"];
    assert_told(&world.join(), exit::UNREACHABLE, &parts);
    // Where it is the only way out, it is all there is to tell.
    world.directories[0].ways[0] = Way::Wrong(Fault::ProxyAway);
    assert_told(
        &world.join(),
        exit::UNREACHABLE,
        &["the proxy", "does not answer"],
    );
}

#[test]
fn of_many_controllers_that_nobody_reaches_some_are_named() {
    let mut world = world();
    world.zones = vec![Zone::at(&[Way::Wrong(Fault::Refused)]); 16];
    let seen = world.join();
    assert_told(&seen, exit::UNREACHABLE, &["zc0-0", "zc3-0", "and 12 more"]);
    assert!(!seen.error().to_string().contains("zc4-0"));
}
