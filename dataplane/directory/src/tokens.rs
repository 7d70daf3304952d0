//! Tokens: the directory's word that somebody may join a meeting.
//!
//! | file | what it does |
//! |---|---|
//! | `key` | one Ed25519 key |
//! | `ring` | the keys of one moment: signs, and shows the public halves |
//!
//! When keys are made, published, used and forgotten is decided in [`crate::model`].
//!
//! A token is good for ten minutes and for the zones it names. Whoever verifies one needs the
//! key set of [`plenum_wire::directory::JWKS_PATH`] and no connection to the directory.

mod key;
mod ring;

pub use key::{BadKey, PublicKey, Signer, generate};
pub use ring::{Grant, KeyRing};
