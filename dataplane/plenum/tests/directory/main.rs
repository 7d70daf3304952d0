//! The whole chain as it is started at a shell: `plenum directory`, controllers that report to
//! it, routers, people who come by it. Real programs, so that they can die like programs.
//!
//! | file | idea |
//! |---|---|
//! | `programs` | starts a program, reads its log, kills it |
//! | `web` | HTTPS to any of them |
//! | `house` | a directory, and who administers it |
//! | `zone` | a controller and its routers |
//! | `voices` | people in a meeting |
//! | `joining` | from a meeting's number to its media, and who is refused |
//! | `examined` | the doctor, who waits for nobody |
//! | `away` | the directory dies and comes back |
//! | `ended` | a meeting is ended |
//! | `expected` | a meeting that is known ahead, from the directory to the operator |
//! | `traces` | a join seen through all of them |
//! | `certificates` | a certificate of a public authority |
//! | `credentials` | a zone whose credential is wrong |
//! | `database` | a database that is not there yet, and one that is a replica's |
//! | `keys` | the directory's keys change |
//! | `small_site` | all of it in one process |
//! | `hybrid` | a replica at the site, and the directory far away |

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod away;
mod certificates;
mod credentials;
mod database;
mod ended;
mod examined;
mod expected;
mod house;
mod hybrid;
mod joining;
mod keys;
#[path = "../ports/mod.rs"]
mod ports;
mod programs;
mod small_site;
mod traces;
mod voices;
mod web;
mod zone;
