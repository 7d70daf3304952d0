//! More routers: at once, and first those that are still there.

use std::cmp::Reverse;

use super::member::Member;
use super::members::Members;
use super::size::Size;
use super::{Change, Draft, Marks};
use crate::pool::observed::Zone;

impl Draft<'_> {
    pub(super) fn grow(&mut self, members: &Members, size: &Size) {
        let mut missing = size.grow_to.saturating_sub(members.count());
        for (name, member) in &members.serving {
            // A rollout that is done, as the new router takes people; or a drain taken back.
            if member.node.drain.is_some() {
                self.cancel_drain(name);
            }
        }
        // The mark of a rollout stays until the new router takes people.
        let awaited = |member: &Member| member.renewed() && !member.accepting();
        let taken_back = |member: &Member| member.node.drain.is_some() && !awaited(member);
        for (name, _) in members.silent.iter().filter(|(_, m)| taken_back(m)) {
            self.cancel_drain(name);
        }
        // A node that died with the mark of a rollout is not waited for, perhaps for ever; nor is one
        // that lost its address.
        let gone = members.lost.iter().chain(&members.waiting);
        for (name, _) in gone.filter(|(_, m)| m.node.drain.is_some()) {
            self.cancel_drain(name);
        }
        let mut spare: Vec<_> = members.spare.iter().collect();
        spare.sort_by_key(|(name, member)| (Reverse(member.participants()), **name));
        for (name, _) in spare.into_iter().take(missing as usize) {
            self.cancel_drain(name);
            missing -= 1;
        }
        // Without its certificates a router would not start for minutes (kubelet's back-off),
        // and without a DaemonSet never.
        if self.seen.zone != Zone::Found || !self.seen.startable {
            return;
        }
        let (seen, come) = (self.seen, members.may_come(self.pool, missing));
        for name in seen.free_nodes().take(come as usize) {
            self.write(name, Marks::Active(None), Change::Label);
        }
    }
}
