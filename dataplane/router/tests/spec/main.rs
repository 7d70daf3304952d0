//! What a router does, as its clients and controllers see it. One file a behaviour.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod admission;
mod binding;
mod choice;
mod control;
mod cuts;
mod drain;
mod ending;
mod eye;
mod forwarding;
mod house;
mod layers;
mod model;
mod moving;
mod overload;
mod pausing;
mod repair;
mod reports;
mod room;
mod scalable;
mod seamless;
mod speakers;
mod studio;
