//! What routers and the operator get.

use plenum::zc::KeyRing;
use plenum_transport::channel::Received;
use plenum_transport::dial::DialError;
use plenum_wire::link::{
    FromOperator, FromRouter, Member, OPERATOR_SUBPROTOCOL, ROUTER_SUBPROTOCOL, ToOperator,
    ToRouter,
};

use crate::support::{Authority, Controller, ed25519, within};

type Link = plenum_transport::channel::Channel<ToRouter, FromRouter>;

#[tokio::test]
async fn a_foreign_certificate_is_refused() {
    let zone = Controller::open().await;
    let foreign = Authority::new().issue(Some("router"));
    let refused: Result<Link, _> = zone.dial(&foreign, ROUTER_SUBPROTOCOL).await;
    // With TLS 1.3 the client learns of it at its first read.
    match refused {
        Err(DialError::Untrusted(_) | DialError::Protocol(_) | DialError::Unreachable(_)) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_certificate_opens_only_the_link_of_its_role() {
    let zone = Controller::open().await;
    for (role, subprotocol) in [
        (None, ROUTER_SUBPROTOCOL),
        (Some("controller"), ROUTER_SUBPROTOCOL),
        (Some("operator"), ROUTER_SUBPROTOCOL),
        (Some("router"), OPERATOR_SUBPROTOCOL),
        (Some("router"), "plenum.v1"),
    ] {
        let identity = zone.authority.issue(role);
        zone.refuses(&identity, subprotocol).await;
    }
    assert!(zone.metrics().contains("plenum_zone_link_garbage_total 5"));
}

#[tokio::test]
async fn a_certificate_of_another_zone_is_refused_under_the_same_authority() {
    let zone = Controller::open().await;
    for (role, subprotocol) in [
        ("router", ROUTER_SUBPROTOCOL),
        ("operator", OPERATOR_SUBPROTOCOL),
    ] {
        let identity = zone.authority.issue_in("another.zone", Some(role));
        zone.refuses(&identity, subprotocol).await;
    }
}

#[tokio::test]
async fn who_does_not_say_hello_first_is_turned_away() {
    let zone = Controller::open().await;
    zone.wants_hello("router", ROUTER_SUBPROTOCOL).await;
}

#[tokio::test]
async fn a_router_that_connects_again_replaces_its_old_link() {
    let mut zone = Controller::open().await;
    let mut old = zone.router("router-a", 10).await;
    zone.until_routed().await;
    let _new = zone.router("router-a", 10).await;
    assert_eq!(old.closed().await, Some(1012));
}

#[tokio::test]
async fn a_lost_router_is_offered_to_nobody() {
    let mut zone = Controller::open().await;
    let router = zone.router("router-a", 10).await;
    let (_operator, mut reports) = zone.operator().await;
    zone.until_routed().await;
    router.sender.close(1000, "done");
    let gone = within(async {
        loop {
            if let Received::Message(ToOperator::Report { routers, .. }) = reports.next().await
                && routers.first().is_some_and(|router| !router.connected)
            {
                return routers;
            }
        }
    });
    assert_eq!(gone.await.len(), 1);
    assert_eq!(zone.join("standup", "").await.status, 503);
}

#[tokio::test]
async fn a_drain_goes_from_the_operator_to_the_router_with_tickets_for_all() {
    let mut zone = Controller::open().await;
    let mut from = zone.router("router-a", 10).await;
    from.report(&[("standup", 2)]);
    let _to = zone.router("router-b", 10).await;
    let (operator, mut reports) = zone.operator().await;
    zone.until_routed().await;
    within(async {
        loop {
            if let Received::Message(ToOperator::Report {
                routers,
                controller,
                ..
            }) = reports.next().await
                && routers.len() == 2
            {
                assert_eq!(controller, "zc-0");
                assert_eq!((routers[0].meetings, routers[0].load.participants), (1, 2));
                return;
            }
        }
    })
    .await;
    operator.send(&FromOperator::SetDraining {
        pool: "test.pool".parse().unwrap(),
        routers: vec!["router-a".parse().unwrap()],
    });
    assert_eq!(from.next().await, ToRouter::SetDraining { draining: true });
    let (meeting, to) = ("standup".parse().unwrap(), "router-b".parse().unwrap());
    let order = ToRouter::MoveMeeting { meeting, to };
    assert_eq!(from.next().await, order);
    let ToRouter::MoveMeeting { meeting, to } = order else {
        unreachable!()
    };
    let people = ["ada", "bob"].map(|name| Member {
        participant: name.parse().unwrap(),
        admitted: 1_700_000_000,
        vouched: 1_600_000_000,
    });
    from.sender.send(&FromRouter::TicketsWanted {
        meeting,
        to,
        participants: people.to_vec(),
    });
    let ToRouter::Tickets { offers, .. } = from.next().await else {
        panic!("no tickets");
    };
    for (offer, who) in offers.iter().zip(&people) {
        let claims = from.keys.verify(&offer.ticket, 0).unwrap();
        assert_eq!(claims.router.as_str(), "router-b");
        assert_eq!(claims.member(), *who, "moving does not admit anew");
        assert_eq!(claims.flows, offer.flows);
    }
    assert_eq!(offers.len(), 2);
}

/// The most participants that a pool's schema allows on one router.
const LARGEST: usize = 5_000;

// Threads: signing so many takes long in a debug build, and a router goes on meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_meeting_as_large_as_a_router_may_be_gets_its_tickets() {
    let zone = Controller::open().await;
    let mut from = zone.router("router-a", 5_000).await;
    from.report(&[("standup", 5_000)]);
    zone.until_counted(5_000).await;
    let _to = zone.router("router-b", 5_000).await;
    let (operator, _reports) = zone.operator().await;
    operator.send(&FromOperator::SetDraining {
        pool: "test.pool".parse().unwrap(),
        routers: vec!["router-a".parse().unwrap()],
    });
    let (meeting, to) = loop {
        if let ToRouter::MoveMeeting { meeting, to } = from.next().await {
            break (meeting, to);
        }
    };
    let member = |index: usize| Member {
        participant: format!("{index:032x}").parse().unwrap(),
        admitted: 1_700_000_000,
        vouched: 1_600_000_000,
    };
    let participants: Vec<Member> = (0..LARGEST).map(member).collect();
    from.sender.send(&FromRouter::TicketsWanted {
        meeting,
        to,
        participants: participants.clone(),
    });
    let mut offered = Vec::new();
    while offered.len() < LARGEST {
        // A message above the limit would close the link.
        let ToRouter::Tickets { offers, .. } = from.next().await else {
            panic!("no tickets");
        };
        offered.extend(offers.into_iter().map(|offer| offer.participant));
    }
    let wanted: Vec<_> = participants.into_iter().map(|it| it.participant).collect();
    assert_eq!(offered, wanted);
}

#[tokio::test]
async fn a_new_key_reaches_the_routers_that_are_connected() {
    let mut zone = Controller::open().await;
    let mut router = zone.router("router-a", 10).await;
    zone.until_routed().await;
    let ring = KeyRing::single("k2", &ed25519().serialize_pem()).unwrap();
    zone.keys.send(ring).unwrap();
    let offer = zone.join("standup", "").await.offer();
    assert!(router.keys.verify(&offer.ticket, 0).is_err());
    router.welcomed().await;
    assert!(router.keys.verify(&offer.ticket, 0).is_ok());
}
