//! What a participant lives through: joining, moving, losing a router, being refused. With
//! a real controller and real routers, each router on a thread that can die like a process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod layers;
mod loss;
mod people;
#[path = "../ports/mod.rs"]
mod ports;
mod site;
mod stranger;

use std::time::Duration;

use people::{PATIENCE, Person, listen, mutually, talk};
use plenum_client::{JoinConfig, JoinError, Network, PublishError, RungPolicy, Session, exit};
use plenum_wire::{Kind, Rung};
use plenum_zone::admission::Admission;
use site::Site;
use stranger::Stranger;

async fn three(site: &Site) -> Vec<Person> {
    let mut people = Vec::new();
    for _ in 0..3 {
        people.push(Person::join(site.join("meeting")).await);
    }
    listen(&mut people, |people| {
        people.iter().all(|one| one.tracks == 2)
    })
    .await;
    people
}

#[tokio::test]
async fn everybody_hears_everybody_over_each_rung() {
    let site = Site::with_routers(&["a"], 100).await;
    for rung in Rung::ALL {
        let mut people = Vec::new();
        for _ in 0..2 {
            let mut config = site.join(rung.as_str());
            config.rungs = RungPolicy::Only(rung);
            people.push(Person::join(config).await);
        }
        listen(&mut people, |people| {
            people.iter().all(|one| one.tracks == 1)
        })
        .await;
        talk(&mut people, |people| people[0].sent == 50).await;
        listen(&mut people, |people| mutually(people, Person::heard_all_of)).await;
        assert_eq!(people[0].rungs[&Kind::Audio], rung);
        assert_eq!(people[0].rungs[&Kind::Video], rung);
    }
}

#[tokio::test]
async fn a_meeting_moves_to_another_router_and_no_packet_is_lost_or_heard_twice() {
    let mut site = Site::with_routers(&["a", "b"], 100).await;
    let mut people = three(&site).await;
    let home = people[0].router().unwrap().to_string();
    talk(&mut people, |people| people[0].sent == 25).await;
    site.drain(&home);
    talk(&mut people, |people| {
        people.iter().all(|one| one.moves.len() == 1)
    })
    .await;
    let sent = people[0].sent;
    talk(&mut people, |people| people[0].sent == sent + 50).await;
    listen(&mut people, |people| mutually(people, Person::heard_all_of)).await;
    for person in &people {
        assert_eq!(person.moves, [true]);
        assert_ne!(person.router().unwrap().as_str(), home);
        assert_eq!(person.removed, 0, "to the user nobody left");
    }
}

#[tokio::test]
async fn who_moves_to_where_the_ssrc_is_taken_goes_there_with_another() {
    let mut site = Site::with_routers(&["b"], 100).await;
    let person = Person::join(site.join("meeting")).await;
    let taken = person.ssrc();
    site.add_router("a", 100).await;
    let mut stranger = Stranger::enter(&site, "a", "meeting").await;
    stranger.publish(taken).await;
    // The zone finds the meeting in two places and brings them together where the stranger is.
    let mut people = [person];
    talk(&mut people, |people| !people[0].moves.is_empty()).await;
    assert_eq!(people[0].moves, [true]);
    assert_eq!(people[0].router().unwrap().as_str(), "a");
    assert_ne!(people[0].ssrc(), taken);
    stranger.sees_track(people[0].ssrc()).await;
    assert!(people[0].speak(), "there is a way out");
}

#[tokio::test]
async fn who_loses_the_router_comes_back_on_another_with_the_same_tracks() {
    let mut site = Site::with_routers(&["a", "b"], 100).await;
    let mut people = three(&site).await;
    let home = people[0].router().unwrap().to_string();
    talk(&mut people, |people| people[0].sent == 25).await;
    site.kill(&home);
    // How soon is measured where programs are what users run: in the scenarios.
    talk(&mut people, |people| people.iter().all(|one| one.back == 1)).await;
    let sent = people[0].sent;
    talk(&mut people, |people| {
        people[0].sent > sent + 10 && mutually(people, Person::heard_last_of)
    })
    .await;
    for person in &people {
        assert_eq!(person.removed, 0, "to the user nobody left");
        assert_eq!(person.tracks, 2);
        assert_ne!(person.router().unwrap().as_str(), home);
    }
}

#[tokio::test]
async fn who_comes_into_another_network_comes_back_to_the_same_router() {
    let site = Site::with_routers(&["a", "b"], 100).await;
    let mut people = three(&site).await;
    let home = people[0].router().unwrap().to_string();
    talk(&mut people, |people| people[0].sent == 25).await;
    // A second change comes before the first is dealt with.
    people[0].session.network_changed();
    people[0].session.network_changed();
    talk(&mut people, |people| people[0].back == 1).await;
    people[0].session.network_changed();
    talk(&mut people, |people| people[0].back == 2).await;
    let sent = people[0].sent;
    talk(&mut people, |people| {
        people[0].sent > sent + 10 && mutually(people, Person::heard_last_of)
    })
    .await;
    assert_eq!(people[0].router().unwrap().as_str(), home);
    assert!(people[1..].iter().all(|person| person.back == 0));
    assert_eq!(people[0].tracks, 2);
    assert_eq!(people[0].removed, 0, "to the user nobody left");
}

#[tokio::test]
async fn who_leaves_is_seen_to_leave() {
    let site = Site::with_routers(&["a"], 100).await;
    let mut people = three(&site).await;
    people.remove(1).session.leave().await;
    listen(&mut people, |people| {
        people.iter().all(|one| one.removed == 1)
    })
    .await;
}

#[tokio::test]
async fn a_track_that_the_router_does_not_take_is_refused_with_its_sentence() {
    let site = Site::with_routers(&["a"], 100).await;
    let mut session = Session::join(site.join("meeting")).await.unwrap();
    let mut codec = people::opus();
    codec.payload_type = 200;
    let refused = session.publish(Kind::Audio, codec).await;
    let Err(PublishError::Refused(Kind::Audio, reason)) = refused else {
        panic!("it was taken, or nothing was said");
    };
    assert!(reason.contains("at most 127"), "{reason}");
    let published = session.publish(Kind::Audio, people::opus()).await;
    assert!(published.is_ok(), "with what it takes");
}

async fn refused(config: JoinConfig) -> JoinError {
    let joining = tokio::time::timeout(PATIENCE, Session::join(config));
    match joining.await.expect("takes too long") {
        Ok(_) => panic!("joined"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn an_unknown_meeting_is_refused_for_good_and_at_once() {
    let meetings = ["known".parse().unwrap()].into();
    let site = Site::new(Admission::Open {
        meetings: Some(meetings),
    });
    let mut config = site.join("unknown");
    // Whoever asks again does so for longer than this test waits.
    config.join_within = 2 * PATIENCE;
    let error = refused(config).await;
    assert_eq!(error.exit_status(), exit::REFUSED, "{error}");
}

#[tokio::test]
async fn a_full_zone_is_asked_again_until_the_time_is_up() {
    let site = Site::with_routers(&["a"], 1).await;
    let first = Session::join(site.join("meeting")).await.unwrap();
    let mut config = site.join("meeting");
    // Long enough for an answer from a slow machine.
    config.join_within = Duration::from_secs(5);
    let error = refused(config).await;
    assert_eq!(error.exit_status(), exit::FULL, "{error}");
    drop(first);
}

#[tokio::test]
async fn a_zone_whose_routers_cannot_be_reached_is_not_said_to_be_full() {
    let mut site = Site::with_routers(&[], 100).await;
    site.add_unreachable_router("a", 100).await;
    let mut config = site.join("meeting");
    // Longer than a router that failed is avoided: it is tried twice.
    config.join_within = Duration::from_secs(6);
    let error = refused(config).await;
    assert_eq!(error.exit_status(), exit::UNREACHABLE, "{error}");
    assert!(
        error.to_string().contains("router a could not be used"),
        "{error}"
    );
}

#[tokio::test]
async fn a_place_that_becomes_free_is_taken_without_being_asked() {
    let site = Site::with_routers(&["a"], 1).await;
    let first = Session::join(site.join("meeting")).await.unwrap();
    let second = Session::join(site.join("meeting"));
    let (second, ()) = tokio::join!(second, first.leave());
    assert_eq!(second.unwrap().router().unwrap().as_str(), "a");
}

#[tokio::test]
async fn a_zone_that_is_not_there_is_said_to_be_unreachable() {
    let site = Site::new(Admission::Open { meetings: None });
    let mut config = site.join("meeting");
    config.zones = vec!["https://127.0.0.1:9".to_owned()];
    config.join_within = Duration::from_millis(500);
    let error = refused(config).await;
    assert_eq!(error.exit_status(), exit::UNREACHABLE, "{error}");
}

#[tokio::test]
async fn a_zone_with_a_foreign_certificate_is_not_trusted() {
    let site = Site::new(Admission::Open { meetings: None });
    let mut config = site.join("meeting");
    config.network = Network::new(None).unwrap();
    let error = refused(config).await;
    assert!(matches!(error, JoinError::Untrusted { .. }), "{error}");
    assert_eq!(error.exit_status(), exit::UNREACHABLE);
}
