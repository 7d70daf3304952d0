//! Messages of the control channel, from either side: what is read says the same when it is
//! written and read again.

#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use plenum_wire::{control, decode, encode, limits};
use serde::{Serialize, de::DeserializeOwned};

fn read<T: DeserializeOwned + Serialize + PartialEq + Debug>(text: &str, limit: usize) {
    if let Ok(message) = decode::<T>(text, limit) {
        assert_eq!(
            decode(&encode(&message), limits::MESSAGE_BYTES),
            Ok(message)
        );
    }
}

fuzz_target!(|text: &str| {
    read::<control::FromClient>(text, limits::CLIENT_MESSAGE_BYTES);
    read::<control::FromRouter>(text, limits::MESSAGE_BYTES);
});
