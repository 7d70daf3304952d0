//! The only part that asks the API server. Thin: it lists, asks pods through the API server's
//! proxy, and turns what goes wrong into sentences; the judging is elsewhere.
//!
//! What cannot be seen does not end a look: it is a [`Trouble`](crate::snapshot::Trouble) in
//! the snapshot, and the rest is judged all the same.

#[cfg(test)]
mod asked;
mod certificates;
mod connect;
mod gather;
mod look;
mod node;
mod proxy;
mod rights;
mod trouble;
mod warnings;

pub use connect::connect;
pub use gather::gather;
pub use look::{Wants, look};
pub use proxy::whereabouts;

use kube::{Client, Error};

use crate::snapshot::Trouble;

/// Asked at once, where something is asked of each zone, namespace or pod: the API server has
/// others to answer, too.
const AT_ONCE: usize = 32;

/// The API server, and the namespace meant when none is named.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    /// That of the context.
    pub namespace: String,
}

impl Cluster {
    /// Whether the API server answers at all, and knows who asks.
    pub async fn reach(&self) -> Result<(), Trouble> {
        match self.client.apiserver_version().await {
            // Some clusters tell their version to few.
            Err(Error::Api(status)) if status.code == 403 => Ok(()),
            answer => answer
                .map(drop)
                .map_err(|error| trouble::of("begin", &error)),
        }
    }
}
