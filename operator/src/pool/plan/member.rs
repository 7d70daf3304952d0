//! One labelled node: what is known of its router, and what follows from that.

use plenum_crds::conditions::DrainReason;
use plenum_wire::RouterId;

use crate::pool::observed::{Drain, Node, Pod, Word};
use crate::pool::validate::ValidPool;

/// A labelled node with its router.
#[derive(Clone, Copy)]
// Independent facts of a router, each read by itself; no states hide in them.
#[allow(clippy::struct_excessive_bools)]
pub(super) struct Member<'a> {
    pub node: &'a Node,
    /// Its router's pod, if one that is not terminating exists.
    pub pod: Option<(&'a RouterId, &'a Pod)>,
    /// What is known of that router since it runs.
    pub word: Option<&'a Word>,
    /// No controller has ever heard of that router since it runs: nobody can have been sent to it.
    pub unheard: bool,
    /// Nor did any before: it was never one that people could have been on.
    pub new: bool,
    /// Not every controller has heard that router for as long as a new one may take.
    pub missed: bool,
    /// That router was heard once, and is not for so long that nobody waits for it any more.
    pub silent: bool,
    /// Neither its kubelet nor that router is heard, by controllers that are: no news from them is no
    /// news of the router.
    pub lost: bool,
}

impl Member<'_> {
    pub(super) fn participants(&self) -> u32 {
        self.word.map_or(0, |word| word.participants)
    }

    /// The most that any controller says now: what may be taken away from people counts these.
    pub(super) fn participants_at_most(&self) -> u32 {
        self.word.map_or(0, |word| word.participants_at_most)
    }

    /// Participants that it takes: by its own word, before that by the pool's.
    pub(super) fn capacity(&self, pool: &ValidPool) -> u32 {
        self.word.map_or(pool.per_router, |word| word.capacity)
    }

    /// Its process has run, by its kubelet.
    pub(super) fn runs(&self) -> bool {
        self.pod.is_some_and(|(_, pod)| pod.started)
    }

    /// Takes participants now.
    pub(super) fn accepting(&self) -> bool {
        let ready = self.pod.is_some_and(|(_, pod)| pod.ready);
        ready
            && self
                .word
                .is_some_and(|w| w.counts() && w.accepting && !w.draining)
    }

    /// Takes nobody for now because it has as much to do as it can: neither to be emptied nor
    /// broken.
    pub(super) fn overloaded(&self) -> bool {
        let ready = self.pod.is_some_and(|(_, pod)| pod.ready);
        ready
            && self
                .word
                .is_some_and(|w| w.counts() && !w.accepting && !w.draining)
    }

    /// Moving the people on it would make it worse for them.
    pub(super) fn carries_too_much(&self) -> bool {
        self.overloaded() && self.participants_at_most() > 0
    }

    /// Its router was made from another template than the one wanted now.
    pub(super) fn outdated(&self) -> bool {
        self.pod.is_some_and(|(_, pod)| pod.outdated)
    }

    /// Clients could not be told where a router that starts there is. One that runs keeps what it
    /// announces.
    pub(super) fn out_of_reach(&self) -> bool {
        self.node.no_address().is_some()
    }

    /// Its router has nothing to announce before its node has an address, or nobody heard it in the
    /// time of a new one, and it cannot be made anew before: it serves nobody until then. One that was
    /// heard announces what it needs no word of ours for.
    pub(super) fn waits(&self) -> bool {
        let unheard = self.new || (self.unheard && self.missed);
        let comes = |pod: &Pod| pod.announced.is_some() && !self.missed;
        let serves = |(_, pod): (&RouterId, &Pod)| comes(pod) || !unheard;
        self.out_of_reach() && !self.pod.is_some_and(serves)
    }

    /// Its router was made anew in a rollout, whose mark is still on the node.
    pub(super) fn renewed(&self) -> bool {
        let rolls = |drain: Drain| drain.reason == DrainReason::Rollout;
        self.node.drain.is_some_and(rolls) && self.pod.is_some() && !self.outdated()
    }

    /// Its router is to be empty. The new one of a rollout is not, whatever its node says.
    pub(super) fn drains(&self) -> bool {
        self.node.drain.is_some() && !self.renewed()
    }

    /// Its router, made from the template wanted now or about to be, does not take people:
    /// whether it ever will is not known. One that has as much to do as it can with half of the people
    /// that it takes did: such are always some among many. With fewer it may be the template.
    pub(super) fn unproven(&self) -> bool {
        let half_full = self
            .word
            .is_some_and(|word| word.participants >= word.capacity.div_ceil(2));
        let proven = self.accepting() || (self.carries_too_much() && half_full);
        !self.outdated() && !proven
    }

    /// No process of it runs, by the word of its living kubelet, and no controller hears one; or
    /// one runs that never found a controller: nobody is on it.
    pub(super) fn broken(&self) -> bool {
        let (Some((_, pod)), true) = (self.pod, self.node.ready) else {
            return false;
        };
        self.unheard || runs_nowhere(pod, self.word)
    }

    /// Broken for so long that nobody comes back to it: those who were on it went elsewhere, if there
    /// is anywhere to go. One that just ends and begins again has people again in a moment.
    pub(super) fn broken_for_long(&self) -> bool {
        self.broken() && self.missed
    }

    /// Broken, and nobody would miss it: for long, or it never was anything else. One that worked
    /// until a moment ago may work again in the next.
    pub(super) fn no_loss(&self) -> bool {
        self.broken_for_long() || (self.broken() && self.new)
    }
}

/// By the kubelet of its node nothing of this router runs, and nobody hears it. One that was ever
/// heard did run, whatever the kubelet still believes: of that, only that it ended counts.
pub(super) fn runs_nowhere(pod: &Pod, word: Option<&Word>) -> bool {
    let never_ran = !pod.started && word.is_none();
    let silent = !word.is_some_and(|word| word.fresh);
    !pod.ready && silent && (never_ran || pod.stopped)
}
