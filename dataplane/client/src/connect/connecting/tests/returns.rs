//! Who was in, and comes back: to the zone where it was, unless the network is another one.

use crate::connect::words::Fault;

use super::world::*;
use super::*;

#[test]
fn who_comes_back_asks_where_it_was_without_a_lookup() {
    let mut world = world();
    world.known = true;
    world.zones.push(Zone::at(&[open(5.0)]));
    world.back = Some((0, DIRECT));
    let seen = world.join();
    assert_eq!((seen.lookups, seen.pinged.len()), (0, 0));
    assert_eq!((seen.found().zone, seen.ms()), (0, 40));
}

#[test]
fn who_comes_back_to_a_network_that_blocks_looks_around() {
    for (way, within) in [(Way::Hole, 2_500), (Way::Wrong(Fault::Refused), 1_000)] {
        let mut world = world();
        world.known = true;
        world.back = Some((0, DIRECT));
        world.zones = vec![Zone::at(&[way]).with_tunnel(&[open(40.0)])];
        let seen = world.join();
        assert_eq!(seen.found().path, tunnel(0, 0));
        assert!(seen.ms() < within, "{way:?}: {} ms", seen.ms());
    }
}

#[test]
fn a_question_that_is_on_its_way_home_is_not_put_again_when_its_turn_comes() {
    let mut world = world();
    world.known = true;
    world.back = Some((0, DIRECT));
    world.zones = vec![Zone::at(&[open(2_000.0)]), Zone::at(&[open(5.0)])];
    // Then it is home's turn, which has not answered the network test either.
    world.zones[1].refusal = Some((Refusal::UnknownMeeting, usize::MAX));
    let seen = world.join();
    assert_eq!((seen.found().zone, seen.ms()), (0, 2_000));
    assert_eq!(seen.asked, [(0, DIRECT), (1, DIRECT)]);
}

#[test]
fn who_comes_back_to_a_zone_that_is_away_looks_for_it_until_the_end() {
    let mut world = world();
    world.directories.clear();
    world.back = Some((0, DIRECT));
    world.zones = vec![Zone::at(&[Way::Wrong(Fault::Refused)])];
    let seen = world.join();
    assert!(seen.result.is_err());
    // After the first few tries once a second at least.
    let tries = seen.asked.len() + seen.pinged.len();
    let least = usize::try_from(world.within.as_secs()).unwrap();
    assert!(tries >= least, "{tries} tries in {} ms", seen.ms());
}

#[test]
fn who_comes_back_from_a_tunnel_goes_straight_where_that_works_again() {
    let mut world = world();
    world.known = true;
    world.back = Some((0, tunnel(0, 0)));
    world.zones = vec![Zone::at(&[open(40.0)]).with_tunnel(&[open(10.0)])];
    let seen = world.join();
    assert_eq!(seen.found().path, DIRECT);
    world.zones[0].ways = vec![Way::Hole];
    let seen = world.join();
    assert_eq!(seen.found().path, tunnel(0, 0));
    assert!(seen.ms() < 1_000, "{} ms", seen.ms());
}

#[test]
fn a_kept_answer_is_used_and_a_token_that_the_zone_does_not_take_is_renewed() {
    let mut world = world();
    world.known = true;
    assert_eq!(world.join().lookups, 0);
    world.zones[0].refusal = Some((Refusal::Forbidden, 1));
    let seen = world.join();
    assert_eq!((seen.lookups, seen.asked.len()), (1, 2));
    seen.found();
}

#[test]
fn home_is_the_same_zone_when_the_directory_names_it_in_another_place() {
    let mut world = world();
    world.known = true;
    world.turned = true;
    world.back = Some((0, DIRECT));
    world.zones.push(Zone::at(&[open(5.0)]));
    // The ticket is too old, and so is the token that was kept.
    world.zones[0].refusal = Some((Refusal::Forbidden, 1));
    let seen = world.join();
    assert_eq!(seen.lookups, 1);
    assert_eq!(seen.found().zone, 1, "the meeting is there");
    assert_eq!(seen.asked, [(0, DIRECT), (0, DIRECT)]);
}

#[test]
fn who_comes_back_to_a_zone_that_is_gone_is_told_of_another() {
    let table = [
        (Way::Hole, 2_500),
        (Way::Wrong(Fault::Refused), 1_000),
        (Way::Wrong(Fault::Untrusted), 1_000),
        (Way::Wrong(Fault::Portal), 1_000),
    ];
    for (way, within) in table {
        for back in [None, Some((0, DIRECT))] {
            let mut world = world();
            world.known = true;
            world.gone = vec![Zone::at(&[way]); 2];
            world.back = back;
            let seen = world.join();
            assert_eq!((seen.zone, seen.lookups), (Some(0), 1), "{way:?}");
            assert!(seen.ms() < within, "{way:?}: {} ms", seen.ms());
        }
    }
}

#[test]
fn whom_a_host_has_let_in_does_not_knock_again_when_the_zone_is_gone() {
    let mut world = world();
    world.known = true;
    world.gone = vec![Zone::at(&[Way::Hole])];
    world.back = Some((0, DIRECT));
    world.admission = Some("let in".to_owned());
    let seen = world.join();
    assert_eq!(seen.waiting, [Some("let in".to_owned())]);
    seen.found();
}

#[test]
fn who_comes_back_while_the_directory_is_away_gets_in_where_it_was() {
    let later = Way::Comes(Fault::Refused, 6, clear(40.0));
    let blocked = [
        Way::Hole,
        Way::Wrong(Fault::Refused),
        Way::Wrong(Fault::Untrusted),
    ];
    for way in blocked {
        let mut world = world();
        world.known = true;
        world.back = Some((0, DIRECT));
        world.zones = vec![Zone::at(&[later])];
        world.directories[0].ways = vec![way];
        let seen = world.join();
        assert_eq!(seen.found().path, DIRECT, "{way:?}");
        // A silent directory takes 4 s, and nobody waits for that.
        assert!(seen.ms() < 3_000, "{way:?}: {} ms", seen.ms());
    }
}

#[test]
fn who_comes_back_is_not_kept_out_by_a_directory_that_refuses_while_the_zone_starts_again() {
    // A session there may end before the meeting does; the ticket is good all the time.
    for code in [
        Denial::SignInRequired,
        Denial::WaitingForHost,
        Denial::Unavailable,
    ] {
        let mut world = world();
        world.known = true;
        world.back = Some((0, DIRECT));
        world.zones = vec![Zone::at(&[Way::Comes(Fault::Refused, 6, clear(40.0))])];
        world.directories[0].says = Says::No(code, None);
        let seen = world.join();
        assert_eq!(seen.found().path, DIRECT, "{code:?}");
        assert!(seen.lookups <= 3, "{code:?}: {} lookups", seen.lookups);
    }
}

#[test]
fn what_the_directory_refuses_for_good_is_told_when_nobody_came_back() {
    let mut world = world();
    world.known = true;
    world.back = Some((0, DIRECT));
    world.zones = vec![Zone::at(&[Way::Wrong(Fault::Refused)])];
    world.directories[0].says = Says::No(Denial::Over, None);
    let seen = world.join();
    assert!(seen.error().to_string().contains("is over"), "{seen:?}");
    assert_eq!(seen.lookups, 1);
}

#[test]
fn who_comes_back_to_a_meeting_that_was_ended_hears_so_at_once_whatever_directories_do() {
    for directory in [open(40.0), Way::Hole, Way::Wrong(Fault::Refused)] {
        let mut world = world();
        world.known = true;
        world.back = Some((0, DIRECT));
        world.zones.push(Zone::at(&[open(5.0)]));
        world.zones[0].refusal = Some((Refusal::MeetingEnded, usize::MAX));
        world.directories[0].ways = vec![directory];
        let seen = world.join();
        let told = seen.error().to_string();
        assert!(told.contains("the meeting was ended"), "{told}");
        assert_eq!((seen.ms(), seen.lookups), (40, 0), "{directory:?}");
    }
}

#[test]
fn who_joins_with_a_token_from_before_the_end_gets_into_the_meeting_that_began_again() {
    let mut world = world();
    world.known = true;
    world.zones[0].refusal = Some((Refusal::MeetingEnded, 1));
    let seen = world.join();
    assert_eq!((seen.lookups, seen.asked.len()), (1, 2));
    seen.found();
}

/// Somebody comes back to a zone that is gone, and the directory says this.
fn gone(says: Says) -> World {
    let mut world = world();
    world.known = true;
    world.gone = vec![Zone::at(&[Way::Wrong(Fault::Refused)])];
    world.back = Some((0, DIRECT));
    world.directories[0].says = says;
    world
}

#[test]
fn who_comes_back_to_a_zone_that_is_gone_waits_for_a_host_as_at_first() {
    for (code, news) in [
        (Denial::WaitingForHost, News::WaitingForHost),
        (Denial::NotYet, News::NotYet),
    ] {
        // Once in two seconds, for longer than a way back may take otherwise.
        let seen = gone(Says::Later(code, 40)).join();
        assert_eq!((seen.zone, seen.lookups), (Some(0), 41), "{code:?}");
        assert_eq!(seen.news, [news]);
        assert!((80_000..90_000).contains(&seen.ms()), "{} ms", seen.ms());
    }
}

#[test]
fn who_comes_back_knocks_once_and_is_patient_for_as_long_as_was_said() {
    let mut world = gone(Says::No(Denial::WaitingForHost, None));
    world.patience = Duration::from_secs(60);
    let seen = world.join();
    let told = seen.error().to_string();
    assert!(told.contains("a host has to let you in"), "{told}");
    assert!((55_000..=60_000).contains(&seen.ms()), "{} ms", seen.ms());
    let proof = Some("proof".to_owned());
    assert!(seen.waiting[1..].iter().all(|it| *it == proof), "{seen:?}");
    // Where nobody is any more nobody is looked for all that time.
    let first = world.within.as_secs() * 2;
    assert!(seen.pinged.len() <= usize::try_from(first).unwrap());
}

#[test]
fn who_waits_for_a_host_is_no_less_patient_because_the_old_zone_is_full() {
    let mut world = world();
    world.known = true;
    world.back = Some((0, DIRECT));
    world.zones = vec![Zone::at(&[Way::Comes(Fault::Refused, 6, clear(40.0))])];
    world.zones[0].refusal = Some((Refusal::ZoneFull, 30));
    world.directories[0].says = Says::Later(Denial::WaitingForHost, 20);
    let seen = world.join();
    seen.found();
    assert_eq!(seen.news, [News::WaitingForHost]);
    assert!(seen.took > 2 * world.within, "{} ms", seen.ms());
}

#[test]
fn who_waits_for_a_host_is_told_of_the_directory_that_went_away_and_not_of_the_old_zone() {
    let mut world = gone(Says::No(Denial::WaitingForHost, None));
    world.directories[0].ways = vec![Way::Goes(Fault::Refused, 20, clear(40.0))];
    world.patience = Duration::from_secs(60);
    let seen = world.join();
    let told = seen.error().to_string();
    assert!(told.contains("no directory answered"), "{told}");
    assert!(told.contains("directory0.example"), "{told}");
    assert!((55_000..=60_000).contains(&seen.ms()), "{} ms", seen.ms());
}

#[test]
fn who_comes_back_without_patience_is_told_when_the_zone_is_given_up() {
    for code in [Denial::WaitingForHost, Denial::NotYet] {
        let mut world = gone(Says::No(code, None));
        world.patience = Duration::ZERO;
        let seen = world.join();
        let told = seen.error().to_string();
        assert!(told.contains(&code.to_string()), "{told}");
        assert_eq!((seen.lookups, seen.news.len()), (1, 0), "{code:?}");
        assert!(seen.ms() <= 15_000, "{} ms", seen.ms());
    }
}

#[test]
fn whom_a_host_has_let_in_again_waits_for_a_dead_zone_no_longer_than_others() {
    let mut world = gone(Says::Later(Denial::WaitingForHost, 1));
    world.zones = vec![Zone::at(&[Way::Hole])];
    let seen = world.join();
    let told = seen.error().to_string();
    assert!(told.contains("no zone controller answered"), "{told}");
    assert!(seen.ms() < 5_000 + 15_000, "{} ms", seen.ms());
}

#[test]
fn what_the_directory_says_after_a_zone_has_refused_is_the_last_word() {
    let mut world = world();
    world.known = true;
    world.zones[0].refusal = Some((Refusal::Forbidden, usize::MAX));
    world.directories[0].says = Says::No(Denial::Over, None);
    let seen = world.join();
    assert!(seen.error().to_string().contains("is over"), "{seen:?}");
}

#[test]
fn a_zone_that_died_after_it_was_named_is_asked_for_again() {
    let mut world = world();
    world.zones = vec![Zone::at(&[Way::Wrong(Fault::Refused)])];
    let seen = world.join();
    // Once at first, and then every five seconds of fifteen.
    assert_eq!(seen.lookups, 3, "{seen:?}");
}
