//! From one network to another: Wi-Fi to mobile, a cable plugged in.

use std::net::IpAddr;
use std::time::Instant;

use plenum_wire::join::Endpoint;

use super::Session;
use crate::moving::Input;
use crate::whereabouts::{self, Whereabouts};

impl Session {
    /// The network is another one. Sessions find that out by themselves; this is for platforms
    /// that tell their applications. Media that goes over UDP goes on from the new address, and
    /// everything else is connected anew; a proxy that was found by the settings of this machine
    /// is looked for again.
    pub fn network_changed(&mut self) {
        self.take_new_ports(None);
        self.leave_network(Instant::now());
    }

    /// Something about addresses or routes changed: is it about ours?
    pub(super) fn look_around(&mut self, change: u64) {
        let changed = &mut self.whereabouts;
        if changed.have_changed(whereabouts::source, whereabouts::has) {
            self.take_new_ports(Some(change));
            self.leave_network(Instant::now());
        }
    }

    /// From now on this is whom we talk to.
    pub(super) fn look_towards(&mut self, endpoint: &Endpoint, direct: bool) {
        let targets: &[IpAddr] = if direct { &endpoint.addresses } else { &[] };
        self.whereabouts = Whereabouts::towards(targets, whereabouts::source);
    }

    fn take_new_ports(&self, change: Option<u64>) {
        let dialer = self.network.dialer();
        let taken = match change {
            // The other sessions of the process hear of it too.
            Some(change) => dialer.rebind_after(change),
            None => dialer.rebind(),
        };
        if let Err(error) = taken {
            tracing::warn!(%error, "no new UDP ports after a change of the network");
        }
    }

    fn leave_network(&mut self, now: Instant) {
        tracing::info!("the network changed");
        for network in [&self.config.network, &self.network] {
            network.http().forget_connections();
        }
        let proxy = self.connector.proxy().look_again();
        self.connector.change_network(proxy);
        let waiting = self.waiting.borrow().clone();
        let waits = waiting.is_some();
        if let Some(waiting) = waiting {
            self.connector.wait_on(waiting);
        }
        self.moving.handle(Input::NetworkChanged { waits }, now);
        self.act(now);
    }
}

#[cfg(test)]
mod tests;
