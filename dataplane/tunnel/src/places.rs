//! Room for tunnels: so many in all, and so many of one client.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::admission::Client;
use crate::shares::Number;

/// The room of one process. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    taken: Arc<Mutex<Taken>>,
    most: usize,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    clients: BTreeMap<Client, Here>,
    next: u64,
}

/// A client with tunnels.
#[derive(Debug)]
struct Here {
    number: Number,
    tunnels: usize,
}

/// Why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taking {
    /// All are taken.
    Full,
    /// This client has as many as one may have.
    TooMany,
}

/// Given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Places,
    client: Client,
    number: Number,
}

impl Places {
    pub(crate) fn new(most: usize) -> Self {
        let taken = Arc::default();
        Self { taken, most }
    }

    /// A place for a client that may have `own` of them.
    pub(crate) fn take(&self, client: Client, own: usize) -> Result<Place, Taking> {
        let mut taken = self.taken();
        if taken.all >= self.most {
            return Err(Taking::Full);
        }
        let next = Number(taken.next);
        let here = taken.clients.entry(client.clone()).or_insert(Here {
            number: next,
            tunnels: 0,
        });
        if here.tunnels >= own {
            return Err(Taking::TooMany);
        }
        here.tunnels += 1;
        let number = here.number;
        taken.next += 1;
        taken.all += 1;
        Ok(Place {
            places: self.clone(),
            client,
            number,
        })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The client as shares are given out; the same for all its tunnels.
    pub(crate) const fn number(&self) -> Number {
        self.number
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all -= 1;
        if let Some(here) = taken.clients.get_mut(&self.client) {
            here.tunnels -= 1;
            if here.tunnels == 0 {
                taken.clients.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(name: &str) -> Client {
        Client::Account(name.to_owned())
    }

    #[test]
    fn one_client_leaves_room_for_others_and_has_one_number() {
        let places = Places::new(10);
        let first = places.take(client("ada"), 2).unwrap();
        let second = places.take(client("ada"), 2).unwrap();
        assert_eq!(first.number(), second.number());
        assert_eq!(places.take(client("ada"), 2).unwrap_err(), Taking::TooMany);
        let other = places.take(client("bob"), 2).unwrap();
        assert_ne!(first.number(), other.number());
        drop(first);
        let again = places.take(client("ada"), 2).unwrap();
        assert_eq!(again.number(), second.number());
    }

    #[test]
    fn all_together_have_a_limit_and_nothing_is_remembered_of_those_who_went() {
        let places = Places::new(3);
        let held: Vec<_> = ["a", "b", "c"]
            .map(|name| places.take(client(name), 1))
            .into();
        assert!(held.iter().all(Result::is_ok));
        assert_eq!(places.take(client("d"), 1).unwrap_err(), Taking::Full);
        drop(held);
        let taken = places.taken();
        assert_eq!((taken.all, taken.clients.len()), (0, 0));
    }
}
