//! A replica and its directory over hours: the databases are real, the time and the network
//! between them are not.
//!
//! | file | idea |
//! |---|---|
//! | `life` | a directory in which things happen, a network, a replica |
//! | `away` | the directory is away for half an hour, or now and then |
//! | `set_back` | the directory's database is restored from a backup |

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod away;
mod life;
mod set_back;
