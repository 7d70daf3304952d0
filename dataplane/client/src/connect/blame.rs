//! Which way is the last choice, because routers could not even be spoken to by it. Pure.
//!
//! One router that is silent is more likely dead than behind something that blocks it: the way
//! is to blame from the second on, which may be the same one when the zone offers it again.

use super::words::Path;

/// What is held against the ways.
#[derive(Debug, Clone, Default)]
pub(super) struct Blame {
    suspect: Option<Path>,
    last_choice: Option<Path>,
}

impl Blame {
    /// A router could not be spoken to by this way.
    pub fn accuse(&mut self, path: Path) {
        if self.suspect.replace(path) == Some(path) {
            self.last_choice = self.suspect.take();
        }
    }

    /// Everything works, or all of it was in another network.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// The ways have other names now, or are gone.
    pub fn rename(&mut self, name: impl Fn(Path) -> Option<Path>) {
        self.suspect = self.suspect.and_then(&name);
        self.last_choice = self.last_choice.and_then(name);
    }

    /// Which way is the last to be taken.
    pub const fn last_choice(&self) -> Option<Path> {
        self.last_choice
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::words::Out;

    const fn by(out: usize) -> Path {
        Path {
            out: Out(out),
            tunnel: None,
        }
    }

    #[test]
    fn one_dead_router_is_not_the_fault_of_the_way() {
        let mut blame = Blame::default();
        blame.accuse(by(0));
        assert_eq!(blame.last_choice(), None);
        blame.accuse(by(1));
        assert_eq!(blame.last_choice(), None, "each failed once");
        blame.accuse(by(1));
        assert_eq!(blame.last_choice(), Some(by(1)));
        blame.accuse(by(0));
        blame.accuse(by(0));
        assert_eq!(
            blame.last_choice(),
            Some(by(0)),
            "the other works no better"
        );
    }

    #[test]
    fn once_everything_works_nothing_is_held_against_anybody() {
        let mut blame = Blame::default();
        blame.accuse(by(0));
        blame.forget();
        blame.accuse(by(0));
        assert_eq!(blame.last_choice(), None);
    }

    #[test]
    fn a_way_that_is_gone_is_to_blame_no_longer() {
        let mut blame = Blame::default();
        blame.accuse(by(1));
        blame.accuse(by(1));
        blame.rename(|path| {
            Some(Path {
                out: Out(0),
                ..path
            })
        });
        assert_eq!(blame.last_choice(), Some(by(0)));
        blame.rename(|_| None);
        assert_eq!(blame.last_choice(), None);
    }
}
