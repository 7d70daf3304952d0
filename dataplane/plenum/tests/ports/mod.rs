//! Free ports for programs that have to be told theirs.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

/// The first of three free ports in a row, each for TCP and UDP. Below those that the kernel
/// hands out to clients (from 32,768), so that nobody takes them in between.
pub fn three() -> u16 {
    static TRIED: AtomicU16 = AtomicU16::new(0);
    let free = |port| {
        let address = (Ipv4Addr::LOCALHOST, port);
        TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok()
    };
    let mine = 10_000 + u16::try_from(std::process::id() % 200).unwrap() * 90;
    let mut bases = std::iter::repeat_with(|| mine + 3 * TRIED.fetch_add(1, Ordering::Relaxed));
    bases
        .find(|&base| (base..base + 3).all(free))
        .expect("endless")
}
