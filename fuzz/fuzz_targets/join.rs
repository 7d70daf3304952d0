//! The bodies of a join: the request, the offer and the problem.

#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use plenum_wire::join::{JoinRequest, Offer, Problem};
use serde::{Serialize, de::DeserializeOwned};

fn read<T: DeserializeOwned + Serialize + PartialEq + Debug>(body: &[u8]) {
    if let Ok(value) = serde_json::from_slice::<T>(body) {
        let again = serde_json::to_vec(&value).expect("plain data");
        assert_eq!(serde_json::from_slice::<T>(&again).ok(), Some(value));
    }
}

fuzz_target!(|body: &[u8]| {
    read::<JoinRequest>(body);
    read::<Offer>(body);
    read::<Problem>(body);
});
