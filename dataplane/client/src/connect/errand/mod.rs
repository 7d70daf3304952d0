//! The errands that [`Connecting`](super::Connecting) sends out: one request or a few each.

mod fault;
mod lookup;
mod ping;
mod portal;

pub(crate) use fault::failure;
pub(crate) use lookup::{Question, look_up};
pub(crate) use ping::{ping, reach};
pub(crate) use portal::{Looks, answers_for};
