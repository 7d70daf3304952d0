//! The operator's shell in the simulation: what `pool::reconcile` does with the API server.

use std::collections::{BTreeMap, BTreeSet};

use plenum_crds::conditions::DrainReason;
use plenum_operator::pool::observed::Observed;
use plenum_operator::pool::plan::{Change, Memory, Plan, Replaced, plan};
use plenum_wire::RouterId;

use crate::world::World;

type Seen = (Observed, BTreeMap<String, u64>);

#[derive(Default)]
pub struct Operator {
    memory: Memory,
    orders: Option<BTreeSet<RouterId>>,
    /// What a cache that is behind still shows.
    cache: Option<Seen>,
}

impl Operator {
    /// A new process: it remembers nothing, and its links begin anew.
    pub fn restart(&mut self, world: &mut World) {
        *self = Self {
            cache: self.cache.take(),
            ..Self::default()
        };
        world.heard.clear();
        world.forgotten();
        for controller in world.controllers.values_mut() {
            controller.orders = None;
        }
    }

    /// One reconcile; how many writes it made.
    pub fn step(&mut self, world: &mut World, faulty: bool) -> usize {
        self.send_orders(world);
        if world.finished || (faulty && world.rng.chance(200)) {
            return 0;
        }
        let now = world.observe();
        world.looked();
        let behind = faulty && world.rng.chance(300);
        let mut seen = match self.cache.take() {
            // Reports do not come through the cache.
            Some(old) if behind => (
                Observed {
                    view: now.0.view.clone(),
                    ..old.0
                },
                old.1,
            ),
            _ => now.clone(),
        };
        self.cache = Some(if behind { seen.clone() } else { now.clone() });
        let mut decided = plan(&world.pool, &seen.0, &self.memory, world.time());
        if decided.takes_away() {
            seen = now;
            decided = plan(&world.pool, &seen.0, &self.memory, world.time());
        }
        world.check_patience(&seen.0, &decided);
        world.note_stuck(&seen.0);
        self.memory = decided.memory.clone();
        self.act(world, &seen, &decided, faulty)
    }

    fn act(&mut self, world: &mut World, seen: &Seen, decided: &Plan, faulty: bool) -> usize {
        let (mut writes, mut labelled) = (0, 0);
        let phase = |change: Change| match change {
            Change::Label | Change::CancelDrain | Change::Repair => 0,
            Change::StartDrain(_) => 1,
            Change::UnlabelEmpty | Change::UnlabelLate | Change::UnlabelUnheard => 2,
        };
        let mut nodes: Vec<_> = decided.nodes.iter().collect();
        nodes.sort_by_key(|(name, write)| (phase(write.change), *name));
        for (name, write) in nodes {
            if faulty && world.rng.chance(50) {
                self.restart(world);
                return writes;
            }
            if let Change::StartDrain(reason) = write.change {
                world.check_drain(name, reason);
                if reason == DrainReason::ScaleDown {
                    world.check_not_stuck(&seen.0, name);
                }
            }
            if matches!(write.change, Change::UnlabelLate | Change::UnlabelUnheard) {
                world.check_late(name);
            }
            if write.change == Change::Label {
                labelled += 1;
                let without = seen.0.nodes[name].no_address();
                assert!(without.is_none(), "a router on {name} would wait for it");
                world.check_stake(&seen.0);
                world.check_label(&seen.0, labelled, decided.numbers.desired);
            }
            writes += 1;
            if !world.mark(name, &write.marks, seen.1[name]) {
                return writes;
            }
        }
        self.orders = Some(decided.draining.clone());
        self.send_orders(world);
        for router in decided.addresses.keys() {
            writes += 1;
            world.announce(router);
        }
        for (router, said) in &decided.pods {
            writes += 1;
            world.say(router, *said);
        }
        for (router, replaced) in &decided.replace {
            if faulty && world.rng.chance(50) {
                self.restart(world);
                return writes;
            }
            if matches!(replaced, Replaced::Late | Replaced::Unheard) {
                world.check_late(&seen.0.pods[router].node);
            }
            writes += 1;
            world.replace(router);
        }
        if decided.finished {
            writes += 1;
            world.finish();
        }
        writes
    }

    fn send_orders(&self, world: &mut World) {
        for controller in world.controllers.values_mut().filter(|c| c.linked) {
            controller.orders.clone_from(&self.orders);
        }
    }
}
