//! In which zone a meeting begins. A zone says a second or two after somebody has come that the
//! meeting runs there; until then all who are let in are sent to the zone that the first of them
//! named, whatever process of the directory they ask.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use plenum_wire::ZoneName;

use crate::model::{MeetingNumber, Placement};
use crate::store::{Error, Store};

/// So long after somebody named it, it is where the meeting begins. Who comes by bad ways needs
/// some seconds to be there, and the zone two to tell.
const LASTS: SignedDuration = SignedDuration::from_secs(30);
/// What lasts for so long yet is believed without asking the database again.
const LEAST: SignedDuration = SignedDuration::from_secs(20);
/// Placements remembered, 100 bytes each: of 1,000 meetings a second for a minute.
const MOST: usize = 65_536;

/// What this process knows of what the database says.
#[derive(Default)]
pub struct Placing(Mutex<HashMap<MeetingNumber, Placement>>);

impl Placing {
    /// Where the meeting begins: in the zone `named`, unless it was placed in another one that it
    /// `stays` in.
    pub async fn place(
        &self,
        store: &Store,
        meeting: MeetingNumber,
        named: &ZoneName,
        stays: impl Fn(&ZoneName) -> bool,
        now: Timestamp,
    ) -> Result<ZoneName, Error> {
        let wish = Placement {
            zone: named.clone(),
            expires: now + LASTS,
        };
        let mut placed = match self.known(meeting, now) {
            Some(known) => known,
            None => store.place(meeting, &wish, None, now).await?,
        };
        if !stays(&placed.zone) {
            placed = store.place(meeting, &wish, Some(&placed.zone), now).await?;
        }
        self.learn(meeting, placed.clone());
        Ok(placed.zone)
    }

    /// Where it was placed, if it was and `stays` there.
    pub async fn placed(
        &self,
        store: &Store,
        meeting: MeetingNumber,
        stays: impl Fn(&ZoneName) -> bool,
        now: Timestamp,
    ) -> Result<Option<ZoneName>, Error> {
        let placed = match self.known(meeting, now) {
            Some(known) => Some(known),
            None => store.placed(meeting, now).await?,
        };
        Ok(placed.map(|it| it.zone).filter(stays))
    }

    fn known(&self, meeting: MeetingNumber, now: Timestamp) -> Option<Placement> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let placed = known.get(&meeting)?;
        (placed.expires.duration_since(now) > LEAST).then(|| placed.clone())
    }

    fn learn(&self, meeting: MeetingNumber, placed: Placement) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            // The database knows them.
            known.clear();
        }
        known.insert(meeting, placed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
    }

    fn until(second: i64) -> Placement {
        Placement {
            zone: "eu.main".parse().unwrap(),
            expires: at(second),
        }
    }

    #[test]
    fn who_named_a_zone_has_time_to_come() {
        let (placing, meeting) = (Placing::default(), MeetingNumber::from_random(7));
        assert_eq!(placing.known(meeting, at(0)), None);
        placing.learn(meeting, until(30));
        assert_eq!(placing.known(meeting, at(9)), Some(until(30)));
        // The database is asked again, which makes it last longer.
        assert_eq!(placing.known(meeting, at(10)), None);
    }

    #[test]
    fn so_many_are_remembered() {
        let placing = Placing::default();
        for meeting in 0..=MOST {
            let meeting = MeetingNumber::from_random(u64::try_from(meeting).unwrap());
            placing.learn(meeting, until(30));
        }
        assert_eq!(placing.0.lock().unwrap().len(), 1);
    }
}
