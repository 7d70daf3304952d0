//! The zones of a lookup's answer. In which order is decided in [`crate::lookup`]; here are the
//! reads and writes around that.

use std::net::IpAddr;

use jiff::Timestamp;
use plenum_wire::ZoneName;
use plenum_wire::directory::{Denial, ZoneOffer};

use super::Directory;
use super::problem::{Answer, Problem};
use crate::lookup::{Caller, Candidate, order};
use crate::model::MeetingNumber;
use crate::store::Error;

/// Where the meeting may be joined.
pub struct Offers {
    /// Best first; never empty.
    pub zones: Vec<ZoneOffer>,
    /// Who chooses one of them is to name it, as in [`Lookup::nowhere`].
    ///
    /// [`Lookup::nowhere`]: plenum_wire::directory::Lookup::nowhere
    pub nowhere: bool,
}

/// Where the meeting is, as far as anybody knows.
enum Place {
    /// In a zone that has told, or in the only one: there is nothing to decide.
    Settled,
    /// It begins here.
    Begins(ZoneName),
    /// Nobody has named a zone.
    Nowhere,
}

/// The zones for who asks from `address` and may join, and would begin the meeting in that one.
pub async fn offers(
    directory: &Directory,
    meeting: MeetingNumber,
    address: IpAddr,
    begin_in: Option<&ZoneName>,
    now: Timestamp,
) -> Answer<Offers> {
    let (id, geo) = (meeting.id(), directory.config().geo.as_ref());
    let caller = Caller {
        address,
        place: geo.and_then(|geo| geo.locate(address)),
        meeting: &id,
    };
    let board = directory.board();
    let mut candidates = board.candidates(&id, now);
    let place = place(directory, meeting, &candidates, &caller, begin_in, now).await;
    // That it may be torn is no reason to let nobody in.
    let place = place.unwrap_or_else(|error| {
        tracing::warn!(%error, "where a meeting begins could not be decided");
        Place::Settled
    });
    if let Place::Begins(begins) = &place {
        let mut zones = candidates.iter_mut();
        if let Some(zone) = zones.find(|it| it.zone == begins) {
            zone.there = Some(1);
        }
    }
    let ordered = order(&candidates, &caller)
        .map_err(|none| Problem::from(Denial::NoZone).saying(none.to_string()))?;
    // To the smaller part of a meeting that is in two zones nobody more is sent.
    let offers = ordered.into_iter().enumerate();
    let offers = offers.filter_map(|(at, zone)| {
        let hosts = at == 0 && zone.there.is_some();
        board.offer(zone, hosts)
    });
    Ok(Offers {
        zones: offers.collect(),
        nowhere: matches!(place, Place::Nowhere),
    })
}

/// What is to be done about a meeting that these zones may be offered to. Only what is offered to
/// the caller can be named.
async fn place(
    directory: &Directory,
    meeting: MeetingNumber,
    zones: &[Candidate<'_>],
    caller: &Caller<'_>,
    begin_in: Option<&ZoneName>,
    now: Timestamp,
) -> Result<Place, Error> {
    let ordered = order(zones, caller).unwrap_or_default();
    let [first, _, ..] = ordered[..] else {
        return Ok(Place::Settled);
    };
    if first.runs() {
        return Ok(Place::Settled);
    }
    let stays = |zone: &ZoneName| {
        let mut zones = zones.iter();
        zones.any(|it| it.zone == zone && it.stays(first))
    };
    let (store, placing) = (directory.store(), directory.placing());
    let named = begin_in.filter(|name| ordered.iter().any(|zone| zone.zone == *name));
    let begins = match named {
        Some(named) => Some(placing.place(store, meeting, named, stays, now).await?),
        None => placing.placed(store, meeting, stays, now).await?,
    };
    Ok(begins.map_or(Place::Nowhere, Place::Begins))
}
