//! Zone controllers: what they hear of routers, and what they are told.

use std::collections::{BTreeMap, BTreeSet};

use plenum_wire::directory::Expected;
use plenum_wire::link::{Load, RouterReport};
use plenum_wire::{Boot, RouterId};

use crate::objects::Works;
use crate::world::{PER_ROUTER, World};

/// A zone controller.
#[derive(Default)]
pub struct SimController {
    /// Its link to the operator is up.
    pub linked: bool,
    /// What the operator said over this link.
    pub orders: Option<BTreeSet<RouterId>>,
    /// Routers reach it.
    pub hears: bool,
    /// It says that nobody is there.
    pub lies: bool,
    pub knows: BTreeMap<RouterId, (Load, Boot, i64)>,
    /// Who is to come, as a directory told it last.
    pub told: Vec<Expected>,
}

impl World {
    /// Routers do what controllers that they reach were told.
    pub fn obey_orders(&mut self) {
        for (name, controller) in self.controllers.iter().filter(|(_, c)| c.hears) {
            let Some(orders) = &controller.orders else {
                continue;
            };
            let reached = self.pods.iter_mut();
            for (router, pod) in reached.filter(|(_, pod)| !pod.deaf_to.contains(name)) {
                pod.draining = orders.contains(router);
            }
        }
    }

    /// Some controller has heard of this process, and can send people there.
    pub fn is_known(&self, router: &RouterId) -> bool {
        let boot = Boot(self.pods[router].boot);
        let mut known = self
            .controllers
            .values()
            .filter_map(|it| it.knows.get(router));
        known.any(|(_, known, _)| *known == boot)
    }

    /// Controllers hear of routers, and the operator of what they know.
    pub fn report(&mut self) {
        let words: Vec<(RouterId, Load, Boot)> = self
            .pods
            .iter()
            .filter(|(_, pod)| self.runs(pod) && pod.template.works != Works::Mute)
            .map(|(router, pod)| {
                let load = Load {
                    participants: pod.people,
                    capacity: PER_ROUTER,
                    accepting: !pod.draining,
                    draining: pod.draining,
                };
                (router.clone(), load, Boot(pod.boot))
            })
            .collect();
        for (name, controller) in &mut self.controllers {
            if controller.hears {
                for (router, load, boot) in &words {
                    let pod = self.pods.get_mut(router).unwrap();
                    if pod.deaf_to.contains(name) {
                        continue;
                    }
                    (pod.known, pod.ever_known) = (true, true);
                    controller
                        .knows
                        .insert(router.clone(), (*load, *boot, self.now));
                }
            }
            if controller.linked {
                for (router, (_, boot, _)) in &controller.knows {
                    if let Some(pod) = self.pods.get_mut(router) {
                        pod.told |= Boot(pod.boot) == *boot;
                    }
                }
                let routers = controller.knows.iter().map(|(router, (load, boot, at))| {
                    let participants = if controller.lies {
                        0
                    } else {
                        load.participants
                    };
                    RouterReport {
                        router: router.clone(),
                        pool: "n.p".parse().unwrap(),
                        boot: *boot,
                        load: Load {
                            participants,
                            ..*load
                        },
                        meetings: 0,
                        age_ms: u64::try_from(self.now - at).unwrap(),
                        connected: self.now - at < 1_500,
                        received_ms: None,
                        unplaced: self
                            .pods
                            .get(router)
                            .filter(|_| *at == self.now)
                            .and_then(|pod| pod.told_needs(self.now)),
                    }
                });
                self.heard
                    .insert(name.clone(), (self.now, routers.collect()));
                self.expected.insert(name.clone(), controller.told.clone());
            }
        }
    }
}
