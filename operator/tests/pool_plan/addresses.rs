//! Where clients are told that routers are.

use plenum_crds::{BadAddress, NoAddress, RouterAddresses};

use crate::world::*;

const NODES: &str = "NodesAvailable";

fn at(address: &str) -> RouterAddresses {
    address.parse().unwrap()
}

/// Every node has an address of its own, and the routers that run announce theirs.
fn told(free: &[&str], routers: &[(&str, u32)]) -> Observed {
    let mut seen = world(free, routers);
    for (n, (name, node)) in seen.nodes.iter_mut().enumerate() {
        let address = at(&format!("203.0.113.{n}"));
        node.reached = Reached::At(address.clone());
        if let Some(pod) = seen.pods.get_mut(&router(name)) {
            pod.announced = Some(address);
        }
    }
    seen
}

fn untold(seen: &mut Observed, name: &str) {
    edit(seen, name).reached = Reached::Nowhere(NoAddress::NotAnnotated);
}

/// Its router was made and has nothing to announce.
fn waits(seen: &mut Observed, name: &str) {
    starting(seen, name);
    untold(seen, name);
    pod_of(seen, name).announced = None;
}

fn writes(plan: &Plan) -> Vec<(&str, String)> {
    let writes = plan.addresses.iter();
    writes
        .map(|(router, it)| (router.as_str(), it.to_string()))
        .collect()
}

#[test]
fn a_router_that_announces_what_it_should_is_written_nothing() {
    let mut seen = told(&[], &[("a", 5), ("b", 5)]);
    let pool = pool(|p| p.min_routers = 2);
    assert_eq!(writes(&first(&pool, &seen)), []);
    pod_of(&mut seen, "a").announced = None;
    pod_of(&mut seen, "b").announced = Some(at("203.0.113.9"));
    let expected = [("r-a", "203.0.113.0".into()), ("r-b", "203.0.113.1".into())];
    assert_eq!(
        writes(&first(&pool, &seen)),
        expected,
        "taken off, and moved"
    );
}

#[test]
fn a_router_is_told_before_its_pod_is_bound_and_not_when_it_stops_any_more() {
    let mut seen = told(&[], &[("a", 0)]);
    starting(&mut seen, "a");
    pod_of(&mut seen, "a").announced = None;
    assert_eq!(writes(&first(&pool(|_| {}), &seen)).len(), 1);
    pod_of(&mut seen, "a").terminating = true;
    assert_eq!(writes(&first(&pool(|_| {}), &seen)), []);
}

#[test]
fn a_paused_pool_and_one_whose_routers_know_by_themselves_are_written_nothing() {
    let mut seen = told(&[], &[("a", 5)]);
    pod_of(&mut seen, "a").announced = None;
    let paused = ValidPool {
        paused: true,
        ..pool(|_| {})
    };
    assert_eq!(writes(&first(&paused, &seen)), []);
    // What is written on the pods of another template stays until they go.
    edit(&mut seen, "a").reached = Reached::ByItself;
    pod_of(&mut seen, "a").announced = Some(at("203.0.113.9"));
    assert_eq!(writes(&first(&pool(|_| {}), &seen)), []);
}

#[test]
fn a_node_without_an_address_takes_no_router_and_it_is_told_what_to_type() {
    let mut seen = told(&["a", "b"], &[]);
    untold(&mut seen, "a");
    let two = pool(|p| p.min_routers = 2);
    let plan = first(&two, &seen);
    assert_eq!(changes(&plan), [("b", Change::Label)]);
    assert_eq!(verdict(&plan, NODES), ("False", "AddressUnknown"));
    let typed = "Node a: the annotation plenum.dev/public-address is missing: \
                 kubectl annotate node a plenum.dev/public-address=ADDRESS";
    assert!(message(&plan, NODES).ends_with(typed));

    untold(&mut seen, "b");
    let plan = first(&pool(|_| {}), &seen);
    assert_eq!(changes(&plan), []);
    assert_eq!(verdict(&plan, "Ready"), ("False", "AddressUnknown"));
    assert!(message(&plan, NODES).contains("a router on a and b is"));
}

#[test]
fn a_node_without_an_address_that_is_not_needed_is_named_and_hides_no_other_answer() {
    let mut seen = told(&["a"], &[("b", 5)]);
    untold(&mut seen, "a");
    let enough = first(&pool(|_| {}), &seen);
    assert_eq!(verdict(&enough, NODES), ("True", "EnoughNodes"));
    assert!(message(&enough, NODES).contains("kubectl annotate node a"));
    // Two are missing, and it would be one of them.
    let few = first(&pool(|p| p.min_routers = 3), &seen);
    assert_eq!(verdict(&few, NODES), ("False", "NotEnoughNodes"));
    assert!(message(&few, NODES).contains("kubectl annotate node a"));
    // A router that takes nobody for another reason.
    starting(&mut seen, "b");
    untold(&mut seen, "b");
    let starts = first(&pool(|_| {}), &seen);
    assert_eq!(verdict(&starts, "Ready"), ("False", "RoutersStarting"));
}

#[test]
fn the_address_of_a_node_that_is_emptied_is_missed_by_nobody() {
    let mut seen = told(&[], &[("a", 5), ("b", 5)]);
    edit(&mut seen, "a").schedulable = false;
    untold(&mut seen, "a");
    let plan = first(&pool(|_| {}), &seen);
    assert_eq!(verdict(&plan, NODES), ("True", "EnoughNodes"));
    assert!(!message(&plan, NODES).contains("clients could not be told"));
}

#[test]
fn nodes_that_are_no_concern_of_the_pool_need_no_address() {
    let mut seen = told(&["a", "b", "c"], &[("d", 5)]);
    for name in ["a", "b", "c"] {
        untold(&mut seen, name);
    }
    edit(&mut seen, "a").owner = Owner::Other;
    edit(&mut seen, "b").schedulable = false;
    edit(&mut seen, "c").drain_requested = true;
    let plan = first(&pool(|_| {}), &seen);
    assert_eq!(verdict(&plan, NODES), ("True", "EnoughNodes"));
}

#[test]
fn a_router_with_people_stays_and_keeps_its_address_when_that_of_its_node_is_gone() {
    let mut seen = told(&["b"], &[("a", 5)]);
    let bad = BadAddress::NoIp("r1.example.com".into());
    edit(&mut seen, "a").reached = Reached::Nowhere(NoAddress::Annotated(bad));
    let plan = patient(&pool(|_| {}), &seen);
    assert_eq!((changes(&plan), writes(&plan)), (vec![], vec![]));
    assert_eq!(verdict(&plan, "Ready"), ("True", "Accepting"));
    assert_eq!(verdict(&plan, NODES), ("False", "AddressUnknown"));
    let said = message(&plan, NODES);
    assert!(
        said.contains("\"r1.example.com\" is no IP address"),
        "{said}"
    );
    assert!(said.ends_with("=ADDRESS --overwrite"), "{said}");
}

#[test]
fn a_router_that_waits_for_its_address_is_why_the_pool_is_not_ready() {
    let mut seen = told(&[], &[("a", 0)]);
    waits(&mut seen, "a");
    let plan = first(&pool(|_| {}), &seen);
    assert_eq!(verdict(&plan, "Ready"), ("False", "AddressUnknown"));
}

#[test]
fn no_router_is_replaced_where_the_new_one_would_have_no_address() {
    let mut seen = told(&[], &[("a", 5), ("b", 10)]);
    let pool = pool(|p| p.min_routers = 2);
    for name in ["a", "b"] {
        pod_of(&mut seen, name).outdated = true;
    }
    let rolls = [("a", Change::StartDrain(DrainReason::Rollout))];
    assert_eq!(changes(&first(&pool, &seen)), rolls);
    untold(&mut seen, "a");
    let rolls = [("b", Change::StartDrain(DrainReason::Rollout))];
    assert_eq!(changes(&first(&pool, &seen)), rolls);
    untold(&mut seen, "b");
    let plan = first(&pool, &seen);
    assert_eq!(changes(&plan), []);
    assert_eq!(verdict(&plan, "RolloutComplete"), ("False", "Rolling"));
    let said = message(&plan, "RolloutComplete");
    assert!(
        said.ends_with("the addresses of a and b are not known: see NodesAvailable"),
        "{said}"
    );
}

#[test]
fn no_room_is_made_for_a_rollout_that_leaves_the_last_router_out() {
    let mut seen = told(&["c"], &[("a", 5), ("b", 10)]);
    let pool = pool(|p| p.min_routers = 2);
    pod_of(&mut seen, "a").outdated = true;
    assert_eq!(changes(&first(&pool, &seen)), [("c", Change::Label)]);
    untold(&mut seen, "a");
    assert_eq!(changes(&first(&pool, &seen)), []);
}
