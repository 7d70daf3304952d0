//! People come, go, and are moved: one by one, or with a meeting that is on one router as a whole,
//! where there is room for all of it. It outgrows its router, or has to leave it, and waits where no
//! other has enough.

use std::cmp::Reverse;

use plenum_crds::conditions::DrainReason;
use plenum_operator::pool::observed::{Drain, Observed};
use plenum_wire::RouterId;

use crate::checks::is_called_for;
use crate::objects::{SimNode, SimPod};
use crate::world::{PER_ROUTER, World};

/// The smallest of such meetings; one person more than the largest fills a router.
const LARGE: u32 = 8;
/// Controllers tell of one that needs a place after this.
const LASTS_MS: i64 = 2_000;
/// How long people may need a place while the pool may grow.
pub const PATIENCE_MS: i64 = 60_000;

impl World {
    pub fn move_people(&mut self) {
        let mut running: Vec<(RouterId, bool)> = self
            .pods
            .iter()
            .filter(|(_, pod)| self.runs(pod))
            .map(|(router, pod)| (router.clone(), pod.draining))
            .collect();
        if self.gathers {
            // So that no router has room for many.
            running.sort_by_key(|(router, _)| Reverse(self.pods[router].people));
        }
        let total: u32 = self.pods.values().map(|pod| pod.people).sum();
        // Whoever leaves leaves from anywhere; whoever comes is refused by draining routers.
        let mut leave = total.saturating_sub(self.target).min(3);
        let mut come = self.target.saturating_sub(total).min(5);
        for (router, draining) in &running {
            let pod = self.pods.get_mut(router).unwrap();
            let left = leave.min(pod.people);
            pod.people -= left;
            leave -= left;
            pod.thin_out();
            if *draining {
                // Moving takes a while, so that faults fall into it.
                let moved = pod.single().min(u32::from(self.rng.chance(120)));
                pod.people -= moved;
                come += moved;
            }
        }
        if self.gathers {
            running.reverse();
        }
        for (router, draining) in &running {
            let known = self.is_known(router);
            let pod = self.pods.get_mut(router).unwrap();
            if !draining && known {
                let joined = come.min(PER_ROUTER.saturating_sub(pod.people));
                pod.people += joined;
                come -= joined;
            }
        }
    }

    pub fn change_load(&mut self) {
        self.target = u32::try_from(self.rng.below(110)).unwrap();
    }

    /// People come to meetings that are on one router as a whole, where there are any.
    pub fn meet(&mut self) {
        if self.gathers {
            self.gather();
            if self.rng.chance(8) {
                self.change_load();
            }
        }
    }

    /// They gather, disperse, or are more than their router takes.
    fn gather(&mut self) {
        let size = LARGE + u32::try_from(self.rng.below(u64::from(PER_ROUTER - LARGE))).unwrap();
        let (begins, ends) = (self.rng.chance(300), self.rng.chance(10));
        let (grows, any) = (self.rng.chance(20), self.rng.below(8));
        let any = usize::try_from(any).unwrap();
        let Some(pod) = self.pods.values_mut().nth(any) else {
            return;
        };
        if begins && pod.single() >= size {
            pod.meetings.push(size);
        }
        if ends {
            pod.meetings.pop();
        }
        pod.outgrown |= grows;
    }

    /// All meetings are over; the people stay.
    pub fn disperse(&mut self) {
        for pod in self.pods.values_mut() {
            pod.meetings.clear();
        }
    }

    /// Meetings that have to leave their router go where there is room.
    pub fn move_meetings(&mut self) {
        let routers: Vec<RouterId> = self.pods.keys().cloned().collect();
        for router in routers {
            let runs = self.runs(&self.pods[&router]);
            let pod = self.pods.get_mut(&router).unwrap();
            pod.thin_out();
            let leave = if runs { pod.to_leave() } else { Vec::new() };
            let mut needs = 0;
            for (size, seats) in leave {
                let Some(to) = self.with_room(&router, seats) else {
                    needs = needs.max(seats);
                    continue;
                };
                // It takes a while, so that faults fall into it.
                if self.rng.chance(300) {
                    self.pods.get_mut(&router).unwrap().leave(size);
                    self.pods.get_mut(&to).unwrap().join(size);
                }
            }
            let now = self.now;
            let pod = self.pods.get_mut(&router).unwrap();
            let since = pod.needs.map_or(now, |(since, _)| since);
            pod.needs = (needs > 0).then_some((since, needs));
        }
    }

    /// The one with the most room that has enough.
    fn with_room(&self, from: &RouterId, seats: u32) -> Option<RouterId> {
        let open = self.pods.iter().filter(|(router, pod)| {
            *router != from && self.runs(pod) && !pod.draining && self.is_known(router)
        });
        let free = open.map(|(router, pod)| (PER_ROUTER.saturating_sub(pod.people), router));
        let (most, router) = free.max()?;
        (most >= seats).then(|| router.clone())
    }

    /// In quiet times a meeting that fits nowhere gets a router while the pool may grow.
    pub fn check_placed(&mut self) {
        let waits = self.pods.iter().filter(|(_, pod)| pod.needs.is_some());
        let waits = waits.filter(|_| self.may_grow());
        let since = |router| self.unplaced.get(router).copied().unwrap_or(self.now);
        let waits = waits.map(|(router, _)| (router.clone(), since(router)));
        self.unplaced = waits.collect();
        for (router, since) in &self.unplaced {
            let waited = self.now - since;
            assert!(waited < PATIENCE_MS, "a meeting on {router} gets no router");
        }
    }

    pub fn may_grow(&self) -> bool {
        let active = self.nodes.values().filter(|node| node.active).count();
        let free = |(name, node): (&String, &SimNode)| {
            let fit = node.selected && node.schedulable && node.alive && node.addressed;
            fit && !node.active && !node.requested && self.pods_on(name).next().is_none()
        };
        let room = active < self.pool.max as usize && self.nodes.iter().any(free);
        room && self.ending.is_none()
    }

    /// An operator sees which routers cannot be emptied for the load.
    pub fn note_stuck(&mut self, seen: &Observed) {
        let says_so = |router: &RouterId| {
            let word = seen.view.routers.get(router);
            word.is_some_and(|word| word.unplaced.is_some())
        };
        for (router, pod) in &seen.pods {
            let node = &seen.nodes[&pod.node];
            let for_load = |drain: Drain| drain.reason == DrainReason::ScaleDown;
            let for_load = is_called_for(node) && node.drain.is_some_and(for_load);
            if for_load && !self.silent.contains(router) && says_so(router) {
                self.stuck.insert(router.clone(), self.now);
            }
        }
    }

    /// People for whose meeting no place was found are not to leave again at once for the load.
    pub fn check_not_stuck(&self, seen: &Observed, node: &str) {
        let pause = i64::try_from(self.pool.move_pause.as_millis()).unwrap();
        let there = seen.pods.iter().filter(|(_, pod)| pod.node == node);
        for (router, _) in there {
            let word = seen.view.routers.get(router);
            let nobody = word.is_none_or(|word| word.participants == 0);
            let tried = self.stuck.get(router).map(|at| self.now - at);
            assert!(
                nobody || tried.is_none_or(|ago| ago >= pause),
                "{router} is to be emptied again, {tried:?} ms after it could not be"
            );
        }
    }
}

impl SimPod {
    /// People who are in no such meeting.
    fn single(&self) -> u32 {
        self.people.saturating_sub(self.meetings.iter().sum())
    }

    /// Meetings of which too many people left are none any more.
    fn thin_out(&mut self) {
        while self.meetings.iter().sum::<u32>() > self.people {
            self.meetings.pop();
        }
        self.outgrown &= self.people >= PER_ROUTER && !self.meetings.is_empty();
    }

    /// The meetings that have to leave, with the seats that they need elsewhere.
    fn to_leave(&self) -> Vec<(u32, u32)> {
        if self.draining {
            return self.meetings.iter().map(|size| (*size, *size)).collect();
        }
        let outgrown = self.meetings.first().filter(|_| self.outgrown);
        outgrown.map(|size| (*size, size + 1)).into_iter().collect()
    }

    fn leave(&mut self, size: u32) {
        let found = self.meetings.iter().position(|it| *it == size);
        self.meetings.remove(found.unwrap());
        self.people -= size;
        self.outgrown = false;
    }

    fn join(&mut self, size: u32) {
        self.meetings.push(size);
        self.people += size;
    }

    /// Seats that a meeting needs on another router, when that is worth a word.
    pub fn told_needs(&self, now: i64) -> Option<u32> {
        let (since, seats) = self.needs?;
        (now - since >= LASTS_MS).then_some(seats)
    }
}
