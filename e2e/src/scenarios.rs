//! What must hold on a real cluster, one scenario after the other on the same one.
//!
//! Each scenario leaves the zone as it found it: two controllers, one router, nobody in a
//! meeting. One that fails leaves a dump of pods, events and logs in the reports.

mod addresses;
mod away;
mod directory;
mod faults;
mod idle;
mod input;
mod jump;
mod kubectl;
mod operator_counts;
mod placeholders;
mod policies;
mod removal;
mod resources;
mod scaling;
mod steady;
mod upgrade;
mod world;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::Result;
use libtest_mimic::{Arguments, Conclusion, Failed, Trial};
use tokio::runtime::Handle;

pub use world::World;
pub(crate) use world::{ZONE, unharmed};

use crate::chart::{dashboards, scenarios as chart};

type Outcome<'a> = Pin<Box<dyn Future<Output = Result<()>> + 'a>>;
type Scenario = (&'static str, for<'a> fn(&'a World) -> Outcome<'a>);

macro_rules! scenarios {
    ($($module:ident: $($name:ident),+;)+) => {
        /// In this order: a change that breaks everything shows in the cheap ones first. The API server
        /// ends in the last one: when it is back it refuses the watches of the controller manager
        /// until it has read its roles, and they wait up to a minute before they try again.
        const SCENARIOS: &[Scenario] = &[
            $($((concat!(stringify!($module), "::", stringify!($name)), |world| Box::pin($module::$name(world)))),+),+
        ];
    };
}

scenarios! {
    steady: nothing_changes_nothing_is_written, an_edited_child_is_repaired;
    idle: an_idle_zone_costs_little;
    input: garbage_on_every_port_harms_nobody, a_join_that_cannot_work_says_why;
    resources: wrong_ones_are_refused_with_a_sentence, a_pool_that_cannot_work_says_why_and_what_runs_stays, kubectl_explain_teaches;
    kubectl: status_and_doctor_find_a_zone_in_good_health, doctor_finds_wrong_labels_with_the_command_that_mends_them, doctor_finds_an_image_that_does_not_exist, drain_wait_empties_a_router_and_nobody_is_dropped, a_support_bundle_holds_no_key;
    chart: the_api_server_takes_all_that_is_rendered, the_operator_runs_where_pods_are_restricted, an_upgrade_of_values_is_rolled_back;
    dashboards: dashboards_show_a_living_zone;
    directory: people_join_by_it_and_meet_without_it;
    scaling: kubectl_scale_sets_the_size, capacity_is_that_of_accepting_pods;
    addresses: people_join_by_the_address_that_is_written_on_the_node;
    jump: a_jump_of_load_brings_four_routers;
    placeholders: pods_hold_nodes_for_routers_and_give_way_to_them;
    policies: network_policies_let_meetings_through_and_nothing_else;
    upgrade: controllers_roll_one_by_one_without_a_failed_join, a_rolling_upgrade_of_all_routers_under_load_loses_nobody, a_rollout_to_an_image_that_is_not_there_halts_and_goes_back, an_operator_is_upgraded_and_back_with_live_meetings;
    removal: meetings_outlive_the_release_and_nothing_is_left_of_all;
    faults: a_deleted_controller_is_not_noticed, both_controllers_deleted_media_flows_on, people_of_a_killed_router_are_back_soon, a_cordoned_node_drains, a_killed_operator_resumes_its_drain;
    away: while_all_controllers_are_away_media_flows_and_a_drain_is_cancelled, meetings_do_not_need_the_api_server;
}

/// Run when it is asked for: it needs a Prometheus, which takes long to build.
const ASIDE: [&str; 1] = ["dashboards::"];

/// Runs the scenarios that `filter` selects and prints them as `cargo test` does.
pub fn run(world: World, handle: &Handle, filter: Option<String>) -> Conclusion {
    let world = Arc::new(world);
    let asked = filter.clone().unwrap_or_default();
    let aside = |name: &str| {
        let of = ASIDE.iter().find(|module| name.starts_with(**module));
        of.is_some_and(|module| !asked.starts_with(module))
    };
    let trials = SCENARIOS.iter().map(|&(name, scenario)| {
        let (world, handle) = (Arc::clone(&world), handle.clone());
        Trial::test(name, move || {
            handle
                .block_on(attempt(&world, name, scenario))
                .map_err(Failed::from)
        })
        .with_ignored_flag(aside(name))
    });
    let arguments = Arguments {
        test_threads: Some(1),
        filter,
        ..Arguments::default()
    };
    libtest_mimic::run(&arguments, trials.collect())
}

async fn attempt(
    world: &World,
    name: &str,
    scenario: for<'a> fn(&'a World) -> Outcome<'a>,
) -> Result<(), String> {
    let result = scenario(world).await;
    // At once: pods that drain take their logs with them.
    if result.is_err() {
        world.dump(name).await;
    }
    let settled = world.settle().await;
    if result.is_ok() && settled.is_err() {
        world.dump(name).await;
    }
    result.map_err(|error| format!("{error:?}"))?;
    settled.map_err(|error| format!("the zone did not come to rest afterwards: {error:?}"))
}
