//! What a router does, as its clients and controllers see it. One file a behaviour.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod admission;
mod binding;
mod control;
mod drain;
mod forwarding;
mod house;
mod model;
mod moving;
mod overload;
mod repair;
mod reports;
mod seamless;
mod speakers;
