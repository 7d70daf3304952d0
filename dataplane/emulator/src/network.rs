//! One client's network: whichever server it turns to, the way there is as bad.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::Phases;
use crate::proxy::{self, Proxy};

/// Ways to servers, made as they are asked for. They end when it is dropped.
#[derive(Debug)]
pub struct Network {
    phases: Arc<Phases>,
    start: Instant,
    seed: u64,
    ways: Mutex<HashMap<SocketAddr, (SocketAddr, Proxy)>>,
}

impl Network {
    /// A network whose phases count from `start`.
    #[must_use]
    pub fn new(phases: Phases, start: Instant, seed: u64) -> Self {
        Self {
            phases: Arc::new(phases),
            start,
            seed,
            ways: Mutex::default(),
        }
    }

    /// Where to send to instead of to `server`. Must be called within a runtime.
    pub fn way_to(&self, server: SocketAddr) -> io::Result<SocketAddr> {
        let mut ways = self.ways.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((way, _)) = ways.get(&server) {
            return Ok(*way);
        }
        let port = proxy::port_beside(server)?;
        let way = port.local_addr()?;
        let seed = self.seed.wrapping_add(2 * ways.len() as u64);
        let proxy = Proxy::follow(port, server, Arc::clone(&self.phases), self.start, seed);
        ways.insert(server, (way, proxy));
        Ok(way)
    }
}
