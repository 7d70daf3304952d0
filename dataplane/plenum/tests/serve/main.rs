//! `plenum serve` and `plenum join` as they are started at a shell: the real binary, real
//! sockets on loopback, real speech and pictures.
//!
//! | file | idea |
//! |---|---|
//! | `site` | starts `plenum serve` and `plenum join`, reads its metrics |
//! | `web` | HTTP over TLS by hand, also such as no client would send |
//! | `recordings` | what is recorded is what was sent, over each rung |
//! | `layers` | a picture that is played in several sizes |
//! | `ways` | joins through proxies, past broken names, in networks that want a sign-in |
//! | `doctor` | what `plenum doctor` finds |
//! | `refusals` | joins that cannot work: exit status and sentence |
//! | `tickets` | tickets that a router must not take |
//! | `garbage` | nonsense on every port beside a running meeting |
//! | `ending` | stops, restarts, ports that are taken |

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod doctor;
mod ending;
mod garbage;
mod layers;
#[path = "../ports/mod.rs"]
mod ports;
mod recordings;
mod refusals;
mod site;
mod tickets;
mod ways;
mod web;
