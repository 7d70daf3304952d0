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

/// The zones for who asks from `address` and may join, best first; never empty.
pub async fn offers(
    directory: &Directory,
    meeting: MeetingNumber,
    address: IpAddr,
    now: Timestamp,
) -> Answer<Vec<ZoneOffer>> {
    let (id, geo) = (meeting.id(), directory.config().geo.as_ref());
    let caller = Caller {
        address,
        place: geo.and_then(|geo| geo.locate(address)),
        meeting: &id,
    };
    let board = directory.board();
    let mut candidates = board.candidates(&id, now);
    if let Some(begins) = begins(directory, meeting, &candidates, &caller, now).await {
        let mut zones = candidates.iter_mut();
        if let Some(zone) = zones.find(|it| *it.zone == begins) {
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
    Ok(offers.collect())
}

/// Where a meeting begins that runs nowhere yet; `None` if there is nothing to decide, or nobody to
/// decide it: of whom no place is known the client's own test of the network knows better, unless
/// others were sent somewhere already.
async fn begins(
    directory: &Directory,
    meeting: MeetingNumber,
    zones: &[Candidate<'_>],
    caller: &Caller<'_>,
    now: Timestamp,
) -> Option<ZoneName> {
    let ordered = order(zones, caller).unwrap_or_default();
    let [first, _, ..] = ordered[..] else {
        return None;
    };
    if first.runs() {
        return None;
    }
    let stays = |zone: &ZoneName| {
        let mut zones = zones.iter();
        zones.any(|it| it.zone == zone && it.stays(first))
    };
    let (store, placing) = (directory.store(), directory.placing());
    let begins = if first.is_near(caller) {
        let begins = placing.place(store, meeting, first.zone, stays, now);
        begins.await.map(Some)
    } else {
        placing.placed(store, meeting, stays, now).await
    };
    // That it may be torn is no reason to let nobody in.
    begins.unwrap_or_else(|error| {
        tracing::warn!(%error, "where a meeting begins could not be decided");
        None
    })
}
