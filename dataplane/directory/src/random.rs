//! Numbers, names and secrets that nobody can guess: the one place that throws dice.

use rand::RngExt;

use crate::model::{MeetingNumber, Passcode, PasscodeKey, Secret};

/// A new secret of 256 bits.
#[must_use]
pub fn secret() -> Secret {
    Secret::from_random(rand::rng().random())
}

/// 128 bits for an identifier: `AccountId::from_random(random::bits())`.
#[must_use]
pub fn bits() -> u128 {
    rand::rng().random()
}

/// The salt of one password.
#[must_use]
pub fn salt() -> [u8; 16] {
    rand::rng().random()
}

/// A meeting number; whether it is taken only the store can tell.
#[must_use]
pub fn number() -> MeetingNumber {
    MeetingNumber::from_random(rand::rng().random())
}

/// A key for the passcodes of a new directory.
#[must_use]
pub fn passcode_key() -> PasscodeKey {
    PasscodeKey::from_random(rand::rng().random())
}

/// A passcode of six digits, to be read out.
#[must_use]
pub fn passcode() -> Passcode {
    let number: u32 = rand::rng().random_range(0..1_000_000);
    format!("{number:06}")
        .parse()
        .expect("six digits are a passcode")
}
