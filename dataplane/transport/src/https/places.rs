//! Room for connections: so many in all, and so many from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::{MAX_CONNECTIONS, PER_ADDRESS};
use crate::rate::household;

/// The room of one listener. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Places(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    of: IpAddr,
}

impl Places {
    /// A place for a connection from this address, if there is one.
    pub(super) fn take(&self, address: IpAddr) -> Option<Place> {
        let of = household(address);
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let here = taken.by_address.get(&of).copied().unwrap_or(0);
        if taken.all >= MAX_CONNECTIONS || here >= PER_ADDRESS {
            return None;
        }
        taken.all += 1;
        taken.by_address.insert(of, here + 1);
        let places = self.clone();
        Some(Place { places, of })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(here) = taken.by_address.get_mut(&self.of) {
            *here -= 1;
            if *here == 0 {
                taken.by_address.remove(&self.of);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(last: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, last).into()
    }

    #[test]
    fn one_address_leaves_room_for_others() {
        let places = Places::default();
        let mut held: Vec<_> = (0..PER_ADDRESS).map(|_| places.take(address(1))).collect();
        assert!(held.iter().all(Option::is_some));
        assert!(places.take(address(1)).is_none());
        assert!(places.take(address(2)).is_some());
        held.pop();
        assert!(places.take(address(1)).is_some(), "one has gone");
    }

    #[test]
    fn all_together_have_a_limit_and_nothing_is_remembered_of_those_who_went() {
        let places = Places::default();
        let held: Vec<_> = (1..=4)
            .flat_map(|last| (0..PER_ADDRESS).map(move |_| last))
            .map(|last| places.take(address(last)))
            .collect();
        assert!(held.iter().all(Option::is_some));
        assert!(places.take(address(9)).is_none());
        drop(held);
        let taken = places.0.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!((taken.all, taken.by_address.len()), (0, 0));
    }
}
