//! A tunnel as its clients see it: over real TLS sockets on loopback.
//!
//! | file | idea |
//! |---|---|
//! | `site` | a tunnel, targets behind it, and a client that writes its own HTTP |
//! | `connect` | what a CONNECT gets, and what it gets instead |
//! | `proof` | tokens and tickets, good and bad |
//! | `tricks` | requests that mean two things, are too long or too slow |
//! | `crowd` | limits, shares, thousands of connections, the end |
//! | `forward` | WebSockets for browsers |

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod connect;
mod crowd;
mod forward;
mod proof;
mod site;
mod tricks;
