use std::time::Duration;

use proptest::prelude::*;

use super::*;

const BERLIN: (f64, f64) = (52.5, 13.4);
const SYDNEY: (f64, f64) = (-33.9, 151.2);
const LISBON: (f64, f64) = (38.7, -9.1);

/// A zone that owns what a [`Candidate`] borrows.
#[derive(Debug, Clone)]
struct Zone {
    name: ZoneName,
    enabled: bool,
    networks: Vec<IpNet>,
    place: Option<Coordinates>,
    state: State,
    load: Option<f64>,
    weight: u16,
    there: Option<u32>,
}

fn zone(name: &str) -> Zone {
    Zone {
        name: name.parse().unwrap(),
        enabled: true,
        networks: Vec::new(),
        place: None,
        state: State::Healthy,
        load: None,
        weight: 100,
        there: None,
    }
}

impl Zone {
    fn at(mut self, (latitude, longitude): (f64, f64)) -> Self {
        self.place = Some(Coordinates::new(latitude, longitude).unwrap());
        self
    }

    fn given(mut self, network: &str) -> Self {
        self.networks.push(network.parse().unwrap());
        self
    }

    fn load(mut self, load: f64) -> Self {
        self.load = Some(load);
        self
    }

    fn hosts(mut self, people: u32) -> Self {
        self.there = Some(people);
        self
    }

    fn is(mut self, state: State) -> Self {
        self.state = state;
        self
    }

    fn weighs(mut self, weight: u16) -> Self {
        self.weight = weight;
        self
    }

    fn off(mut self) -> Self {
        self.enabled = false;
        self
    }

    fn candidate(&self) -> Candidate<'_> {
        Candidate {
            zone: &self.name,
            enabled: self.enabled,
            networks: &self.networks,
            place: self.place,
            state: self.state,
            load: self.load,
            weight: self.weight,
            there: self.there,
        }
    }
}

fn place((latitude, longitude): (f64, f64)) -> Option<Coordinates> {
    Coordinates::new(latitude, longitude).ok()
}

/// The order for somebody at `address` in `place`, in one fixed meeting.
fn ordered(zones: &[Zone], address: &str, at: Option<(f64, f64)>) -> Result<Vec<String>, String> {
    let meeting = "4711".parse().unwrap();
    let caller = Caller {
        address: address.parse().unwrap(),
        place: at.and_then(place),
        meeting: &meeting,
    };
    let candidates: Vec<_> = zones.iter().map(Zone::candidate).collect();
    order(&candidates, &caller)
        .map(|offers| offers.iter().map(|it| it.zone.to_string()).collect())
        .map_err(|none| none.to_string())
}

const SILENT: State = State::Silent(Duration::from_secs(90));

#[test]
fn which_zone_is_offered_first() {
    let (near, far) = (|| zone("near").at(LISBON), || zone("far").at(SYDNEY));
    let table = [
        ("the nearer", vec![far(), near()], "near far"),
        (
            "a network given by hand, however far",
            vec![near(), far().given("198.51.100.0/24")],
            "far near",
        ),
        (
            "of two such networks the narrower",
            vec![
                near().given("198.51.100.0/24"),
                far().given("198.51.100.7/32"),
            ],
            "far near",
        ),
        (
            "a network of others counts for nothing",
            vec![near(), far().given("203.0.113.0/24")],
            "near far",
        ),
        (
            "where the meeting runs, before all",
            vec![near().given("198.51.100.0/24"), far().hosts(1)],
            "far near",
        ),
        (
            "where most of the meeting runs",
            vec![near().hosts(2), far().hosts(3)],
            "far near",
        ),
        (
            "not where it runs, if that zone is gone",
            vec![near(), far().hosts(9).is(SILENT)],
            "near",
        ),
        (
            "where it runs, though nothing new begins there",
            vec![near(), far().hosts(1).off()],
            "far near",
        ),
        (
            "where it runs, though no router takes other meetings",
            vec![near(), far().hosts(1).is(State::NoRouters)],
            "far near",
        ),
        (
            "where it runs, though it is full",
            vec![near(), far().hosts(1).load(1.0)],
            "far near",
        ),
        (
            "not where it ran, if nothing new begins there",
            vec![near(), far().hosts(0).off()],
            "near",
        ),
        (
            "a full zone after a far one with room",
            vec![near().load(1.0), far()],
            "far near",
        ),
        (
            "a busy near zone before a far one",
            vec![near().load(0.8), far().load(0.1)],
            "near far",
        ),
        (
            "a last resort after a far one",
            vec![near().weighs(0), far()],
            "far near",
        ),
        (
            "a zone that was not heard of yet, after the others",
            vec![near().is(State::Unheard), far()],
            "far near",
        ),
        (
            "none that is off, silent, without routers or only a name",
            vec![
                zone("a").off(),
                zone("b").is(SILENT),
                zone("c").is(State::NoRouters),
                zone("d").is(State::NeverHeard),
                far(),
            ],
            "far",
        ),
        (
            "a zone of unknown place between near and far",
            vec![far(), zone("somewhere"), near()],
            "near somewhere far",
        ),
    ];
    for (what, zones, expected) in table {
        let order = ordered(&zones, "198.51.100.7", Some(BERLIN)).unwrap();
        assert_eq!(order.join(" "), expected, "{what}");
    }
}

#[test]
fn where_it_runs_is_among_the_few_that_are_offered_though_not_heard_of_yet() {
    let heard = ["a", "b", "c", "d", "e"].map(zone);
    let mut zones = Vec::from(heard);
    zones.push(zone("f").hosts(1).is(State::Unheard));
    let offered = ordered(&zones, "192.0.2.1", None).unwrap();
    assert_eq!((offered[0].as_str(), offered.len()), ("f", OFFERED));
}

#[test]
fn where_a_meeting_was_to_begin_it_stays_while_that_zone_takes_it() {
    let (free, full) = (|| zone("a"), || zone("a").load(1.0));
    let first = || zone("first");
    let table = [
        ("a zone like the others", free(), first(), true),
        ("a busy one", free().load(0.99), first(), true),
        ("the last resort", free().weighs(0), first(), true),
        (
            "one that was not heard of yet",
            free().is(State::Unheard),
            first(),
            true,
        ),
        ("a full one, where another has room", full(), first(), false),
        ("a full one, where all are", full(), first().load(1.0), true),
        ("one that is off", free().off(), first(), false),
        ("one that is silent", free().is(SILENT), first(), false),
        (
            "one whose last router is gone",
            free().is(State::NoRouters),
            first(),
            false,
        ),
        (
            "a full one that is silent too",
            full().is(SILENT),
            first().load(1.0),
            false,
        ),
    ];
    for (what, placed, first, stays) in table {
        assert_eq!(
            placed.candidate().stays(&first.candidate()),
            stays,
            "{what}"
        );
    }
}

#[test]
fn without_a_place_load_decides() {
    let zones = [zone("full").at(BERLIN).load(0.95), zone("free").at(SYDNEY)];
    assert_eq!(
        ordered(&zones, "192.0.2.1", None).unwrap(),
        ["free", "full"]
    );
}

#[test]
fn an_ipv4_address_in_ipv6_clothes_is_in_its_network() {
    let zones = [zone("a"), zone("b").given("192.0.2.0/24")];
    for address in ["192.0.2.9", "::ffff:192.0.2.9"] {
        assert_eq!(ordered(&zones, address, None).unwrap()[0], "b");
    }
}

#[test]
fn an_empty_answer_says_why() {
    let table = [
        (vec![], "no zone is registered"),
        (vec![zone("a").off()], "all 1 zones are switched off"),
        (
            vec![zone("a").is(SILENT)],
            "none of 1 zones is ready; a was last heard of 90 s ago",
        ),
        (
            vec![zone("a").is(SILENT), zone("b").is(State::NoRouters)],
            "none of 2 zones is ready; b has no router that takes people",
        ),
        (
            vec![zone("a").is(State::NeverHeard), zone("b").off()],
            "none of 1 zones is ready; a has never been heard of",
        ),
    ];
    for (zones, expected) in table {
        let said = ordered(&zones, "192.0.2.1", None).unwrap_err();
        assert!(said.starts_with(expected), "{said}");
    }
}

#[test]
fn meetings_spread_over_zones_that_are_alike_by_their_weight() {
    let zones = [zone("a"), zone("b"), zone("c").weighs(200)];
    let candidates: Vec<_> = zones.iter().map(Zone::candidate).collect();
    let mut firsts = std::collections::BTreeMap::<String, u32>::new();
    for number in 0..4_000 {
        let meeting = format!("m{number}").parse().unwrap();
        let caller = Caller {
            address: "192.0.2.1".parse().unwrap(),
            place: None,
            meeting: &meeting,
        };
        let first = order(&candidates, &caller).unwrap()[0].zone.to_string();
        *firsts.entry(first).or_default() += 1;
    }
    for (zone, expected) in [("a", 1_000), ("b", 1_000), ("c", 2_000)] {
        let range = expected * 9 / 10..expected * 11 / 10;
        assert!(range.contains(&firsts[zone]), "{zone}: {firsts:?}");
    }
}

fn any_state() -> impl Strategy<Value = State> {
    prop_oneof![
        4 => Just(State::Healthy),
        1 => Just(State::Unheard),
        1 => Just(State::NoRouters),
        1 => Just(State::NeverHeard),
        1 => (15_u64..9_999).prop_map(|s| State::Silent(Duration::from_secs(s))),
    ]
}

fn any_zone() -> impl Strategy<Value = Zone> {
    (
        "[a-d]{1,3}",
        any::<bool>(),
        prop::option::of(0_u8..=32),
        prop::option::of((-90.0..90.0, -180.0..180.0)),
        any_state(),
        prop::option::of(0.0..2.0),
        0_u16..3,
        prop::option::of(0_u32..3),
    )
        .prop_map(
            |(name, enabled, prefix, at, state, load, weight, there)| Zone {
                enabled,
                networks: prefix
                    .map(|prefix| IpNet::new([192, 0, 2, 7].into(), prefix).unwrap())
                    .into_iter()
                    .collect(),
                place: at.and_then(place),
                state,
                load,
                weight,
                there,
                ..zone(&name)
            },
        )
}

fn any_zones() -> impl Strategy<Value = Vec<Zone>> {
    prop::collection::vec(any_zone(), 0..8).prop_map(|mut zones| {
        zones.sort_by(|one, other| one.name.cmp(&other.name));
        zones.dedup_by(|one, other| one.name == other.name);
        zones
    })
}

proptest! {
    #[test]
    fn offered_is_what_is_ready_and_the_order_is_total(
        zones in any_zones(), turn in 0_usize..8, known in any::<bool>(),
    ) {
        let at = known.then_some(BERLIN);
        let offered = ordered(&zones, "192.0.2.7", at);
        let ready: Vec<String> = zones
            .iter()
            .filter(|zone| {
                let begins = zone.enabled && zone.state != State::NoRouters;
                let gone = matches!(zone.state, State::Silent(_) | State::NeverHeard);
                (begins || zone.there > Some(0)) && !gone
            })
            .map(|zone| zone.name.to_string())
            .collect();
        match &offered {
            Ok(offered) => {
                let distinct: std::collections::BTreeSet<_> = offered.iter().collect();
                prop_assert_eq!(distinct.len(), offered.len());
                prop_assert_eq!(offered.len(), ready.len().min(OFFERED));
                prop_assert!(offered.iter().all(|zone| ready.contains(zone)));
            }
            Err(why) => {
                prop_assert!(ready.is_empty());
                prop_assert!(!why.is_empty());
            }
        }
        // The same whatever the order they were known in.
        let mut turned = zones.clone();
        turned.rotate_left(turn.min(zones.len()));
        prop_assert_eq!(ordered(&turned, "192.0.2.7", at), offered);
    }

    #[test]
    fn a_zone_that_empties_is_never_offered_later(
        zones in any_zones(), which in 0_usize..8, load in 0.0..1.0,
    ) {
        prop_assume!(which < zones.len());
        let before = ordered(&zones, "192.0.2.7", Some(BERLIN));
        let name = zones[which].name.to_string();
        let mut emptier = zones.clone();
        emptier[which].load = Some(load * zones[which].load.unwrap_or(0.0));
        let after = ordered(&emptier, "192.0.2.7", Some(BERLIN));
        let rank = |order: &Result<Vec<String>, String>| {
            order.as_ref().ok().and_then(|it| it.iter().position(|zone| *zone == name))
        };
        // Not offered is after all that are.
        let place = |order| rank(order).unwrap_or(usize::MAX);
        prop_assert!(place(&after) <= place(&before));
    }
}
