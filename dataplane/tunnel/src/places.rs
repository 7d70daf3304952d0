//! Room for tunnels: so many in all, of one network, and of one client.
//!
//! Guests get another name with every token, and tokens cost nothing. So what one client may
//! have is not enough: a network, which is what one household has, has bounds of its own, both
//! of places and of shares.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use plenum_transport::rate::household;

use crate::admission::Client;
use crate::limits::Limits;
use crate::shares::Number;

/// The room of one process. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    taken: Arc<Mutex<Taken>>,
    limits: Limits,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    clients: BTreeMap<Client, Here>,
    networks: BTreeMap<IpAddr, Network>,
    next: u64,
}

/// A client with tunnels.
#[derive(Debug)]
struct Here {
    number: Number,
    tunnels: usize,
    /// The network that its number is one of.
    of: IpAddr,
}

/// A network with clients.
#[derive(Debug, Default)]
struct Network {
    tunnels: usize,
    /// The shares it has, and how many of its clients have each.
    shares: BTreeMap<Number, usize>,
}

/// Why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taking {
    /// All are taken.
    Full,
    /// This network has as many as one may have.
    Crowded,
    /// This client has as many as one may have.
    TooMany,
}

/// Given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Places,
    client: Client,
    network: IpAddr,
    number: Number,
}

impl Places {
    pub(crate) fn new(limits: Limits) -> Self {
        let taken = Arc::default();
        Self { taken, limits }
    }

    /// A place for a client that may have `own` of them, and comes from `address`.
    pub(crate) fn take(
        &self,
        client: Client,
        own: usize,
        address: IpAddr,
    ) -> Result<Place, Taking> {
        let mut taken = self.taken();
        let network = household(address);
        let of_network = taken.networks.get(&network).map_or(0, |it| it.tunnels);
        let of_client = taken.clients.get(&client).map_or(0, |it| it.tunnels);
        if taken.all >= self.limits.connections {
            return Err(Taking::Full);
        }
        if of_client >= own {
            return Err(Taking::TooMany);
        }
        if of_network >= self.limits.per_network {
            return Err(Taking::Crowded);
        }
        let number = taken.number(&client, network, self.limits.shares_per_network);
        taken.all += 1;
        taken.networks.entry(network).or_default().tunnels += 1;
        Ok(Place {
            places: self.clone(),
            client,
            network,
            number,
        })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// One more tunnel of a client. Its share is its own while its network has fewer than
    /// `most`; then it shares one with another client of the network.
    fn number(&mut self, client: &Client, network: IpAddr, most: usize) -> Number {
        if let Some(here) = self.clients.get_mut(client) {
            here.tunnels += 1;
            return here.number;
        }
        let shares = &mut self.networks.entry(network).or_default().shares;
        let least = shares.iter().min_by_key(|(_, clients)| **clients);
        let number = match least {
            Some((number, _)) if shares.len() >= most => *number,
            _ => {
                self.next += 1;
                Number(self.next)
            }
        };
        *shares.entry(number).or_default() += 1;
        let here = Here {
            number,
            tunnels: 1,
            of: network,
        };
        self.clients.insert(client.clone(), here);
        number
    }

    fn give_back(&mut self, place: &Place) {
        self.all -= 1;
        if let Some(network) = self.networks.get_mut(&place.network) {
            network.tunnels -= 1;
        }
        let Some(here) = self.clients.get_mut(&place.client) else {
            return;
        };
        here.tunnels -= 1;
        if here.tunnels == 0 {
            let of = here.of;
            self.clients.remove(&place.client);
            self.leave(of, place.number);
            self.forget_if_empty(of);
        }
        self.forget_if_empty(place.network);
    }

    /// A client has gone that had this share of that network.
    fn leave(&mut self, network: IpAddr, number: Number) {
        let Some(network) = self.networks.get_mut(&network) else {
            return;
        };
        if let Some(clients) = network.shares.get_mut(&number) {
            *clients -= 1;
            if *clients == 0 {
                network.shares.remove(&number);
            }
        }
    }

    fn forget_if_empty(&mut self, network: IpAddr) {
        let known = self.networks.get(&network);
        if known.is_some_and(|it| it.tunnels == 0 && it.shares.is_empty()) {
            self.networks.remove(&network);
        }
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
        self.places.taken().give_back(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(name: &str) -> Client {
        Client::Account(name.to_owned())
    }

    fn places(connections: usize, per_network: usize, shares_per_network: usize) -> Places {
        Places::new(Limits {
            connections,
            per_network,
            shares_per_network,
            ..Limits::default()
        })
    }

    fn home() -> IpAddr {
        "192.0.2.1".parse().unwrap()
    }

    #[test]
    fn one_client_leaves_room_for_others_and_has_one_number() {
        let places = places(10, 10, 10);
        let take = |name: &str| places.take(client(name), 2, home());
        let first = take("ada").unwrap();
        let second = take("ada").unwrap();
        assert_eq!(first.number(), second.number());
        assert_eq!(take("ada").unwrap_err(), Taking::TooMany);
        let other = take("bob").unwrap();
        assert_ne!(first.number(), other.number());
        drop(first);
        let again = take("ada").unwrap();
        assert_eq!(again.number(), second.number());
    }

    #[test]
    fn all_together_have_a_limit_and_nothing_is_remembered_of_those_who_went() {
        let places = places(3, 10, 2);
        let held: Vec<_> = ["a", "b", "c"]
            .map(|name| places.take(client(name), 1, home()))
            .into();
        assert!(held.iter().all(Result::is_ok));
        assert_eq!(
            places.take(client("d"), 1, home()).unwrap_err(),
            Taking::Full
        );
        drop(held);
        let taken = places.taken();
        let left = (taken.all, taken.clients.len(), taken.networks.len());
        assert_eq!(left, (0, 0, 0));
    }

    #[test]
    fn a_network_has_so_many_whatever_its_guests_are_called() {
        let places = places(1_000, 4, 10);
        let from = |address: &str, name: usize| {
            let guest = client(&format!("guest-{name}"));
            places.take(guest, 32, address.parse().unwrap())
        };
        let held: Vec<_> = (0..4)
            .map(|name| from(&format!("2001:db8::{name}"), name).unwrap())
            .collect();
        assert_eq!(from("2001:db8::9", 9).unwrap_err(), Taking::Crowded);
        let neighbour = from("2001:db8:0:1::1", 10).unwrap();
        drop((held, neighbour));
        from("2001:db8::9", 9).unwrap();
    }

    #[test]
    fn a_network_has_so_many_shares_whatever_its_guests_are_called() {
        let places = places(1_000, 1_000, 3);
        let guest = |name: usize| client(&format!("guest-{name}"));
        let held: Vec<_> = (0..30)
            .map(|name| places.take(guest(name), 1, home()).unwrap())
            .collect();
        let mut clients = BTreeMap::new();
        for place in &held {
            *clients.entry(place.number()).or_insert(0) += 1;
        }
        assert_eq!(clients.into_values().collect::<Vec<_>>(), [10, 10, 10]);
        let elsewhere = "192.0.2.2".parse().unwrap();
        let other = places.take(guest(99), 1, elsewhere).unwrap();
        assert!(held.iter().all(|place| place.number() != other.number()));
    }

    #[test]
    fn a_client_that_moves_keeps_its_share() {
        let places = places(10, 10, 1);
        let before = places.take(client("ada"), 9, home()).unwrap();
        let elsewhere = "192.0.2.2".parse().unwrap();
        let after = places.take(client("ada"), 9, elsewhere).unwrap();
        assert_eq!(before.number(), after.number());
        drop(before);
        drop(after);
        assert!(places.taken().networks.is_empty());
    }
}
