//! Whether the router shall be empty, and who says so.

/// What was asked of the router.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Drain {
    /// The zone's last word; any controller may say it.
    ordered: bool,
    /// The process was told to end, which nobody takes back.
    stopping: bool,
}

impl Drain {
    /// Whether anything changed.
    pub(crate) fn order(&mut self, draining: bool) -> bool {
        let before = self.draining();
        self.ordered = draining;
        before != self.draining()
    }

    /// Whether anything changed.
    pub(crate) fn stop(&mut self) -> bool {
        let before = self.draining();
        self.stopping = true;
        !before
    }

    pub(crate) const fn draining(self) -> bool {
        self.ordered || self.stopping
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zone_may_change_its_mind_but_not_stop_a_stop() {
        let mut drain = Drain::default();
        assert!(drain.order(true));
        assert!(!drain.order(true), "repeating it changes nothing");
        assert!(drain.order(false));
        assert!(!drain.draining());
        assert!(drain.stop());
        assert!(!drain.order(false));
        assert!(drain.draining());
    }
}
