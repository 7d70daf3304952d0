//! What is kept of pools between two looks. It is lost with the process, and pools that went
//! leave nothing.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kube::ResourceExt as _;
use plenum_crds::MMRPool;

use super::placeholders;
use super::plan::Memory;
use super::turns::Turn;

/// Of one pool.
#[derive(Default)]
pub(super) struct Kept {
    /// For the next plan.
    pub memory: Memory,
    /// What is known of its placeholder pods.
    pub placeholders: placeholders::Known,
    /// When its status may be written.
    pub turn: Turn,
    /// Looks that failed since the last that went well.
    pub failures: u32,
}

/// Of every pool, by its UID.
#[derive(Default)]
pub(super) struct Remembered(Mutex<HashMap<String, Kept>>);

impl Remembered {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is kept of this pool, from now on if nothing was.
    pub(super) fn of<T>(&self, object: &MMRPool, change: impl FnOnce(&mut Kept) -> T) -> T {
        let mut all = self.lock();
        change(all.entry(object.uid().unwrap_or_default()).or_default())
    }

    /// A look went well. A pool that it ended with stays forgotten.
    pub(super) fn succeeded(&self, object: &MMRPool) {
        if let Some(kept) = self.lock().get_mut(&object.uid().unwrap_or_default()) {
            kept.failures = 0;
        }
    }

    /// The pool is gone.
    pub(super) fn forget(&self, object: &MMRPool) {
        self.lock().remove(&object.uid().unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use plenum_crds::MMRPoolSpec;

    use super::*;

    #[test]
    fn nothing_is_kept_of_a_pool_that_went() {
        let mut pool = MMRPool::new("p", MMRPoolSpec::new("z", [("a", "b")]));
        pool.metadata.uid = Some("1".into());
        let all = Remembered::default();
        all.of(&pool, |kept| kept.failures = 3);
        all.succeeded(&pool);
        assert_eq!(all.of(&pool, |kept| kept.failures), 0);
        all.forget(&pool);
        all.succeeded(&pool);
        assert!(all.lock().is_empty());
    }
}
