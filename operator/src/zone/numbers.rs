//! What Prometheus is told of a zone.

use plenum_crds::MeetingZoneStatus;
use plenum_crds::conditions::ZoneCondition;

use super::children::secrets;
use super::fetch::Fetched;
use super::names::ZoneSecret;
use crate::metrics::{Life, ZoneNumbers};
use crate::pki::CERTIFICATE;
use crate::pki::certificate::Certificate;
use crate::pki::leaf::Role;

/// Its numbers.
#[must_use]
pub fn numbers(fetched: &Fetched, status: &MeetingZoneStatus) -> ZoneNumbers {
    let mut conditions = status.conditions.iter();
    ZoneNumbers {
        ready: conditions
            .any(|it| it.type_ == ZoneCondition::Ready.as_str() && it.status == "True"),
        certificate: certificate(fetched),
    }
}

/// Of what the zone controllers read: one that was refused has not come there.
fn certificate(fetched: &Fetched) -> Option<Life> {
    let held = fetched
        .secrets
        .get(&ZoneSecret::Certificate(Role::Public))?;
    let chain = secrets::data(held).remove(CERTIFICATE)?;
    let chain = Certificate::read_all(&chain).ok()?;
    chain.first().map(|own| Life {
        begins: own.not_before,
        ends: own.not_after,
    })
}
