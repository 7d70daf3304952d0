//! Where a meeting may be joined: what a directory answered, or the user said.

use std::time::{Duration, Instant};

use plenum_wire::ZoneName;
use plenum_wire::directory::Lookup;

use super::words::{Path, Tunnel};

/// Zones looked at of one answer, and controllers and tunnels of each: a directory that names
/// more does not make its clients work without end.
const ZONES: usize = 16;
const ADDRESSES: usize = 8;

/// Where the meeting may be joined, as the directory or the user said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Places {
    /// What the zones ask for.
    pub token: Option<String>,
    /// When the token is no longer good; never, if the user gave it.
    pub expires: Option<Instant>,
    /// The preferred one first.
    pub zones: Vec<Place>,
    /// The meeting is in none of them yet: the directory wants to know which one is chosen, as
    /// others may choose at this moment too.
    pub nowhere: bool,
}

/// A zone that may host the meeting.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Place {
    /// Its name, if the directory said.
    pub name: Option<ZoneName>,
    /// Its controllers, `https://HOST[:PORT]`.
    pub controllers: Vec<String>,
    /// Its tunnels, likewise.
    pub tunnels: Vec<String>,
    /// Who vouches for both, in PEM; whom the user trusts, if not given.
    pub authority: Option<String>,
    /// How much of its room is in use.
    pub load: Option<f64>,
    /// Whether the meeting is there already, or begins there.
    pub hosts: bool,
}

impl Places {
    /// What a directory answered at `now`.
    #[must_use]
    pub fn of(lookup: Lookup, now: Instant) -> Self {
        let zones = lookup.zones.into_iter().take(ZONES);
        let first = |mut addresses: Vec<String>| {
            addresses.truncate(ADDRESSES);
            addresses
        };
        Self {
            token: Some(lookup.token),
            nowhere: lookup.nowhere,
            expires: now.checked_add(Duration::from_secs(lookup.expires_in_s)),
            zones: zones
                .map(|offer| Place {
                    name: Some(offer.zone),
                    controllers: first(offer.controllers),
                    tunnels: first(offer.tunnels),
                    authority: offer.authority,
                    load: offer.load,
                    hosts: offer.hosts,
                })
                .collect(),
        }
    }

    /// Somebody got into the meeting in this zone: for who comes back it is there, whatever was said
    /// of others before.
    pub(super) fn enter(&mut self, zone: usize) {
        self.nowhere = false;
        for (index, place) in self.zones.iter_mut().enumerate() {
            place.hosts = index == zone;
        }
    }

    /// Where a zone of another answer is in this one.
    pub(super) fn find(&self, zone: &Place) -> Option<usize> {
        self.zones.iter().position(|it| it.is(zone))
    }

    /// Whether another answer says nothing that this one does not, in whatever order: of no other
    /// zone, no other way to one, and not that the meeting is in another.
    pub(super) fn name_all_of(&self, other: &Self) -> bool {
        let known = |zone: &Place| {
            self.find(zone)
                .map(|it| &self.zones[it])
                .is_some_and(|it| it.leads_like(zone) && (it.hosts || !zone.hosts))
        };
        other.zones.iter().all(known)
    }

    /// A path of the answer `before`, as it is called in this one; `None` if it is gone.
    pub(super) fn follow(&self, path: Path, before: &Self) -> Option<Path> {
        let Some(old) = path.tunnel else {
            return Some(path);
        };
        let place = before.zones.get(old.zone)?;
        let address = place.tunnels.get(old.index)?;
        let zone = self.find(place)?;
        let mut tunnels = self.zones[zone].tunnels.iter();
        let index = tunnels.position(|it| it == address)?;
        let tunnel = Some(Tunnel { zone, index });
        Some(Path { tunnel, ..path })
    }

    /// A zone that the user named.
    #[must_use]
    pub fn given(controllers: Vec<String>, token: Option<String>) -> Self {
        let zone = Place {
            controllers,
            ..Place::default()
        };
        Self {
            token,
            zones: vec![zone],
            ..Self::default()
        }
    }
}

impl Place {
    /// Whether two answers speak of the same zone: by its name, or by a controller where the
    /// user named it.
    pub(super) fn is(&self, other: &Self) -> bool {
        if let (Some(name), Some(its)) = (&self.name, &other.name) {
            return name == its;
        }
        let mut controllers = self.controllers.iter();
        controllers.any(|controller| other.controllers.contains(controller))
    }

    /// Whether two answers lead to the zone in the same ways.
    fn leads_like(&self, other: &Self) -> bool {
        self.controllers == other.controllers
            && self.tunnels == other.tunnels
            && self.authority == other.authority
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::words::Out;

    fn zone(name: Option<&str>, host: &str) -> Place {
        Place {
            name: name.map(|name| name.parse().unwrap()),
            controllers: vec![format!("https://zc.{host}")],
            tunnels: vec![format!("https://ht0.{host}"), format!("https://ht1.{host}")],
            ..Place::default()
        }
    }

    fn places(zones: &[Place]) -> Places {
        Places {
            zones: zones.to_vec(),
            ..Places::default()
        }
    }

    #[test]
    fn where_the_meeting_is_now_is_news() {
        let (ours, other) = (zone(Some("a.zone"), "a"), zone(Some("b.zone"), "b"));
        let hosting = Place {
            hosts: true,
            ..other.clone()
        };
        let before = places(&[ours.clone(), other.clone()]);
        assert!(before.name_all_of(&places(&[other, ours.clone()])));
        let now = places(&[ours, hosting]);
        assert!(!before.name_all_of(&now));
        assert!(now.name_all_of(&before), "that a meeting ended is none");
    }

    #[test]
    fn that_the_meeting_is_where_somebody_began_it_is_no_news_to_who_comes_back() {
        let (ours, other) = (zone(Some("a.zone"), "a"), zone(Some("b.zone"), "b"));
        let mut before = places(&[ours.clone(), other.clone()]);
        before.nowhere = true;
        before.enter(0);
        let hosting = |zone: &Place| Place {
            hosts: true,
            ..zone.clone()
        };
        assert!(before.name_all_of(&places(&[hosting(&ours), other.clone()])));
        assert!(!before.name_all_of(&places(&[ours, hosting(&other)])));
    }

    #[test]
    fn a_zone_is_found_in_another_answer_by_its_name_or_by_its_controllers() {
        let (near, far) = (
            zone(Some("near.zone"), "near"),
            zone(Some("far.zone"), "far"),
        );
        let moved = zone(Some("near.zone"), "elsewhere");
        let now = places(&[far.clone(), moved]);
        assert_eq!(now.find(&near), Some(1));
        assert_eq!(now.find(&zone(None, "far")), Some(0));
        assert_eq!(now.find(&zone(Some("other.zone"), "far")), None);
    }

    #[test]
    fn an_answer_is_news_when_a_zone_is_or_the_way_to_one() {
        let (near, far) = (
            zone(Some("near.zone"), "near"),
            zone(Some("far.zone"), "far"),
        );
        let known = places(&[near.clone(), far.clone()]);
        assert!(known.name_all_of(&places(&[far.clone(), near.clone()])));
        assert!(known.name_all_of(&places(&[near])), "one is gone");
        assert!(!known.name_all_of(&places(&[zone(Some("new.zone"), "far")])));
        let mut moved = far.clone();
        moved.controllers = vec!["https://elsewhere".to_owned()];
        assert!(!known.name_all_of(&places(&[moved])));
        let mut renewed = far;
        renewed.authority = Some("another".to_owned());
        assert!(!known.name_all_of(&places(&[renewed])));
    }

    #[test]
    fn a_path_leads_through_the_same_tunnel_or_nowhere() {
        let (near, far) = (
            zone(Some("near.zone"), "near"),
            zone(Some("far.zone"), "far"),
        );
        let before = places(&[near.clone(), far.clone()]);
        let through = |zone, index| Path {
            out: Out(1),
            tunnel: Some(Tunnel { zone, index }),
        };
        let now = places(&[far.clone(), near]);
        assert_eq!(now.follow(through(0, 1), &before), Some(through(1, 1)));
        assert_eq!(places(&[far]).follow(through(0, 1), &before), None);
        assert_eq!(now.follow(through(7, 0), &before), None);
        let straight = Path {
            out: Out(1),
            tunnel: None,
        };
        assert_eq!(now.follow(straight, &before), Some(straight));
    }
}
