//! Any value of each type on the wire.

use std::fmt::Debug;
use std::net::IpAddr;
use std::str::FromStr;

use plenum_wire::control::{
    ErrorCode, FromClient, FromRouter, Interest, Layer, Present, Track, Want,
};
use plenum_wire::join::{Endpoint, Offer};
use plenum_wire::limits::{LAYERS, PACKET_BYTES};
use plenum_wire::ticket::Claims;
use plenum_wire::{Codec, DisplayName, Fingerprint, FlowId, Flows, Kind, Rung};
use proptest::prelude::*;
use proptest::sample::select;

pub fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..=most)
}

pub fn packet() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 1..=PACKET_BYTES)
}

pub fn flow() -> impl Strategy<Value = FlowId> {
    // Every length of a varint as often.
    (any::<u64>(), select(vec![6, 14, 30, 62]))
        .prop_map(|(value, bits)| FlowId::from_random(value & ((1 << bits) - 1)))
}

pub fn id<T: Debug + FromStr<Err: Debug>>() -> impl Strategy<Value = T> {
    "[A-Za-z0-9._-]{1,128}".prop_map(|text| text.parse().unwrap())
}

pub fn flows() -> impl Strategy<Value = Flows> {
    (flow(), flow(), flow()).prop_map(|(audio, video, content)| Flows {
        audio,
        video,
        content,
    })
}

pub fn kind() -> impl Strategy<Value = Kind> {
    select(Kind::ALL.to_vec())
}

pub fn name() -> impl Strategy<Value = Option<DisplayName>> {
    // A character has up to 4 bytes.
    prop::option::of(".{0,32}".prop_map(|text| text.parse().unwrap()))
}

pub fn codec() -> impl Strategy<Value = Codec> {
    (".{0,40}", any::<(u32, u8, u16, u16, u8)>()).prop_map(
        |(name, (clock_rate, payload_type, width, height, channels))| Codec {
            name,
            clock_rate,
            payload_type,
            width,
            height,
            channels,
        },
    )
}

pub fn layers() -> impl Strategy<Value = Vec<Layer>> {
    let layer = any::<(u32, u16, u16, u32)>().prop_map(|(ssrc, width, height, kbps)| Layer {
        ssrc,
        width,
        height,
        kbps,
    });
    prop::collection::vec(layer, 0..=LAYERS)
}

pub fn want() -> impl Strategy<Value = Want> {
    (id(), kind(), any::<(u16, u8)>()).prop_map(|(participant, kind, (height, priority))| Want {
        participant,
        kind,
        height,
        priority,
    })
}

pub fn track() -> impl Strategy<Value = Track> {
    (id(), kind(), any::<u32>(), codec(), layers()).prop_map(
        |(participant, kind, ssrc, codec, layers)| Track {
            participant,
            kind,
            ssrc,
            codec,
            layers,
        },
    )
}

pub fn present() -> impl Strategy<Value = Present> {
    (id(), name()).prop_map(|(participant, name)| Present { participant, name })
}

pub fn offer() -> impl Strategy<Value = Box<Offer>> {
    let addresses = prop::collection::vec(any::<IpAddr>(), 0..4);
    let ports_and_pin = any::<(u16, u16, [u8; 32])>();
    let endpoint = (addresses, ports_and_pin).prop_map(
        |(addresses, (https_port, media_port, fingerprint))| Endpoint {
            addresses,
            https_port,
            media_port,
            fingerprint: Fingerprint(fingerprint),
        },
    );
    (id(), id(), id(), endpoint, flows(), ".{0,80}").prop_map(
        |(meeting, participant, router, endpoint, flows, ticket)| {
            Box::new(Offer {
                meeting,
                participant,
                router,
                endpoint,
                flows,
                ticket,
            })
        },
    )
}

pub fn from_client() -> impl Strategy<Value = FromClient> {
    let interest = select(vec![Interest::All, Interest::None]);
    prop_oneof![
        (".{0,80}", name(), interest, prop::option::of(id())).prop_map(
            |(ticket, name, subscribe, moved_from)| FromClient::Hello {
                ticket,
                name,
                subscribe,
                moved_from,
            }
        ),
        (kind(), any::<u32>(), codec(), layers()).prop_map(|(kind, ssrc, codec, layers)| {
            FromClient::Publish {
                kind,
                ssrc,
                codec,
                layers,
            }
        }),
        prop::collection::vec(want(), 0..4).prop_map(|wants| FromClient::Want { wants }),
        kind().prop_map(|kind| FromClient::Unpublish { kind }),
        (id(), kind()).prop_map(|(participant, kind)| FromClient::Subscribe { participant, kind }),
        (id(), kind())
            .prop_map(|(participant, kind)| FromClient::Unsubscribe { participant, kind }),
        id().prop_map(|to| FromClient::Moved { to }),
        (id(), ".{0,80}").prop_map(|(to, reason)| FromClient::MoveFailed { to, reason }),
        Just(FromClient::Bye),
    ]
}

pub fn from_router() -> impl Strategy<Value = FromRouter> {
    let people = prop::collection::vec(present(), 0..4);
    let tracks = prop::collection::vec(track(), 0..4);
    let code = select(vec![ErrorCode::BadMessage, ErrorCode::SsrcTaken]);
    prop_oneof![
        (id(), id(), id(), people, tracks).prop_map(
            |(meeting, participant, router, participants, tracks)| FromRouter::Welcome {
                meeting,
                participant,
                router,
                participants,
                tracks,
            }
        ),
        present().prop_map(|present| FromRouter::ParticipantJoined { present }),
        id().prop_map(|participant| FromRouter::ParticipantLeft { participant }),
        kind().prop_map(|kind| FromRouter::Published { kind }),
        (kind(), prop::collection::vec(any::<bool>(), 1..=LAYERS))
            .prop_map(|(kind, layers)| FromRouter::Wanted { kind, layers }),
        track().prop_map(|track| FromRouter::TrackAdded { track }),
        (id(), kind())
            .prop_map(|(participant, kind)| FromRouter::TrackRemoved { participant, kind }),
        (kind(), select(Rung::ALL.to_vec()))
            .prop_map(|(kind, rung)| FromRouter::MediaBound { kind, rung }),
        (
            prop::collection::vec(prop::option::of(id()), 0..6),
            prop::option::of(id())
        )
            .prop_map(|(slots, active)| FromRouter::Speakers { slots, active }),
        offer().prop_map(|offer| FromRouter::Migrate { offer }),
        id().prop_map(|to| FromRouter::Release { to }),
        id().prop_map(|to| FromRouter::Stay { to }),
        (code, ".{0,80}").prop_map(|(code, message)| FromRouter::Error { code, message }),
    ]
}

/// JSON of any shape, whose `type` is often one that exists.
pub fn nearly_a_message() -> impl Strategy<Value = String> {
    let types = vec![
        "hello",
        "publish",
        "subscribe",
        "want",
        "wanted",
        "moved",
        "migrate",
        "dance",
    ];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<i64>().prop_map(Into::into),
        any::<bool>().prop_map(Into::into),
        ".{0,20}".prop_map(Into::into),
    ];
    let value = leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map("[a-z]{0,8}", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    });
    let fields = vec![
        "ticket", "name", "kind", "ssrc", "codec", "layers", "wants", "to", "offer",
    ];
    let fields = prop::collection::btree_map(select(fields), value, 0..6);
    (select(types), fields).prop_map(|(name, fields)| {
        let mut fields: serde_json::Map<_, _> = fields
            .into_iter()
            .map(|(field, value)| (field.to_owned(), value))
            .collect();
        fields.insert("type".to_owned(), name.into());
        serde_json::Value::Object(fields).to_string()
    })
}

pub fn claims() -> impl Strategy<Value = Claims> {
    (
        id(),
        id(),
        id(),
        any::<[u8; 32]>(),
        flows(),
        any::<[u64; 2]>(),
        1..u64::MAX,
    )
        .prop_map(
            |(meeting, participant, router, fingerprint, flows, [admitted, vouched], expires)| {
                Claims {
                    meeting,
                    participant,
                    router,
                    fingerprint: Fingerprint(fingerprint),
                    flows,
                    admitted,
                    vouched,
                    expires,
                }
            },
        )
}
