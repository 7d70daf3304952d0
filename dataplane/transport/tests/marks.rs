//! What a client sends by UDP is marked as what it is: RFC 8837.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

mod common;

use std::io::IoSliceMut;
use std::net::UdpSocket;
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use common::within;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt,
};
use plenum_transport::dial::Dialer;
use plenum_wire::join::Endpoint;
use plenum_wire::{Fingerprint, Kind, Rung};

/// DSCP is the upper six bits.
const DSCP: u8 = 0b1111_1100;

/// Where the next datagram comes from, and its traffic class.
fn next(socket: &UdpSocket) -> (SockaddrStorage, u8) {
    let mut buffer = [0; 2_000];
    let mut space = nix::cmsg_space!(i32);
    let mut slices = [IoSliceMut::new(&mut buffer)];
    let flags = MsgFlags::empty();
    let message =
        recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut slices, Some(&mut space), flags);
    let message = message.unwrap();
    let found = message.cmsgs().unwrap().find_map(|control| match control {
        ControlMessageOwned::Ipv4Tos(class) => Some(class),
        ControlMessageOwned::Ipv6TClass(class) => u8::try_from(class).ok(),
        _ => None,
    });
    (message.address.unwrap(), found.unwrap())
}

/// A port that sees marks, and answers nothing.
fn port(address: &str) -> UdpSocket {
    let socket = UdpSocket::bind(address).unwrap();
    let patience = Some(Duration::from_mins(1));
    socket.set_read_timeout(patience).unwrap();
    if socket.local_addr().unwrap().is_ipv4() {
        setsockopt(&socket, sockopt::IpRecvTos, &true).unwrap();
    } else {
        setsockopt(&socket, sockopt::Ipv6RecvTClass, &true).unwrap();
    }
    socket
}

/// The marks of what a client sends to this address, before and after it took new ports.
async fn marks(address: &str, kind: Kind) -> [u8; 2] {
    let port = port(address);
    let local = port.local_addr().unwrap();
    let endpoint = Endpoint {
        addresses: vec![local.ip()],
        https_port: 443,
        media_port: local.port(),
        fingerprint: Fingerprint([0; 32]),
    };
    let dialer = Dialer::new().unwrap();
    let other = dialer.clone();
    let dialling = tokio::spawn(async move { other.media(kind, Rung::Udp, &endpoint).await });
    let looking = tokio::task::spawn_blocking(move || (next(&port), port));
    let ((old, first), port) = looking.await.unwrap();
    dialer.rebind().unwrap();
    let looking = tokio::task::spawn_blocking(move || {
        let mut all = std::iter::repeat_with(|| next(&port));
        all.find(|(from, _)| *from != old)
    });
    let (_, second) = looking.await.unwrap().unwrap();
    dialling.abort();
    [first & DSCP, second & DSCP]
}

#[tokio::test]
async fn each_kind_has_its_mark_on_both_address_families() {
    let mut addresses = vec!["127.0.0.1:0"];
    // Not every machine has it.
    if UdpSocket::bind("[::1]:0").is_ok() {
        addresses.push("[::1]:0");
    }
    for address in addresses {
        for (kind, dscp) in [(Kind::Audio, 46), (Kind::Video, 36), (Kind::Content, 26)] {
            let marks = within(marks(address, kind)).await;
            assert_eq!(marks, [dscp << 2; 2], "{kind} {address}");
        }
    }
}
