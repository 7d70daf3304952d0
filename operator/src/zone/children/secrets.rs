//! Secrets: from the API's form to the PKI's and back.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;

use super::{Part, metadata};
use crate::pki::Data;
use crate::pki::leaf::Held;
use crate::zone::names::ZoneSecret;
use crate::zone::validate::ValidZone;

/// Annotation: since when, in Unix seconds, this Secret has held its `ca.crt`. A successor of
/// the authority signs only after all of them have known it for a while.
pub const BUNDLE_SINCE: &str = "plenum.dev/bundle-since";

/// What a Secret holds.
#[must_use]
pub fn data(secret: &Secret) -> Data {
    let data = secret.data.clone().unwrap_or_default();
    data.into_iter()
        .map(|(key, value)| (key, value.0))
        .collect()
}

/// The certificate that a Secret holds.
#[must_use]
pub fn certificate(secret: &Secret) -> Held {
    let since = secret
        .annotations()
        .get(BUNDLE_SINCE)
        .and_then(|text| text.parse().ok())
        .and_then(|seconds| Timestamp::from_second(seconds).ok());
    Held::read(&data(secret), since)
}

/// A Secret of the zone.
#[must_use]
pub fn secret(zone: &ValidZone, which: ZoneSecret, data: Data, since: Option<Timestamp>) -> Secret {
    let mut metadata = metadata(zone, Part::Controllers, which.name(&zone.names.name));
    metadata.annotations = since
        .map(|since| BTreeMap::from([(BUNDLE_SINCE.to_owned(), since.as_second().to_string())]));
    let type_ = match which {
        ZoneSecret::Certificate(_) => "kubernetes.io/tls",
        ZoneSecret::Authority | ZoneSecret::SigningKey => "Opaque",
    };
    Secret {
        metadata,
        type_: Some(type_.to_owned()),
        data: Some(
            data.into_iter()
                .map(|(key, value)| (key, ByteString(value)))
                .collect(),
        ),
        ..Secret::default()
    }
}
