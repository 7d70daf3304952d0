//! Messages of the zone link, from all sides: what is read says the same when it is
//! written and read again.

#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use plenum_wire::{decode, encode, limits, link};
use serde::{Serialize, de::DeserializeOwned};

fn read<T: DeserializeOwned + Serialize + PartialEq + Debug>(text: &str) {
    if let Ok(message) = decode::<T>(text, limits::MESSAGE_BYTES) {
        assert_eq!(
            decode(&encode(&message), limits::MESSAGE_BYTES),
            Ok(message)
        );
    }
}

fuzz_target!(|text: &str| {
    read::<link::FromRouter>(text);
    read::<link::ToRouter>(text);
    read::<link::FromOperator>(text);
    read::<link::ToOperator>(text);
    read::<link::FromTunnel>(text);
    read::<link::ToTunnel>(text);
});
