//! When the addresses or the routes of this machine change.
//!
//! The kernel says that something about them did (rtnetlink); what it was is not read: whoever
//! wants to know looks where its own packets leave from. Where the kernel does not say it, as in
//! some sandboxes, everybody looks once a second.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

/// Between two looks where nobody says when to look.
const LOOK: Duration = Duration::from_secs(1);
/// Changes come in bursts: an address goes, its routes go, another comes.
const SETTLE: Duration = Duration::from_millis(50);

/// Tells that it may be worth a look. Clones tell it each to its own owner.
#[derive(Debug, Clone)]
pub struct Changes(watch::Receiver<u64>);

impl Changes {
    /// Starts to listen, until the last clone is dropped. Must be called within a runtime.
    #[must_use]
    pub fn watch() -> Self {
        let (sender, receiver) = watch::channel(0);
        tokio::spawn(run(sender));
        Self(receiver)
    }

    /// Waits until it is worth a look; the numbers count up. Nothing is lost when the future is
    /// dropped.
    pub async fn next(&mut self) -> u64 {
        match self.0.changed().await {
            Ok(()) => *self.0.borrow_and_update(),
            // The runtime ends.
            Err(_) => std::future::pending().await,
        }
    }
}

async fn run(sender: watch::Sender<u64>) {
    let kernel = kernel::Listener::open();
    if let Err(error) = &kernel {
        tracing::debug!(%error, "the kernel does not tell when addresses change");
    }
    let listen = async {
        loop {
            match &kernel {
                Ok(kernel) if kernel.heard().await.is_ok() => {
                    sleep(SETTLE).await;
                    kernel.forget();
                }
                _ => sleep(LOOK).await,
            }
            sender.send_modify(|number| *number += 1);
        }
    };
    tokio::select! {
        () = listen => {}
        () = sender.closed() => {}
    }
}

#[cfg(target_os = "linux")]
mod kernel {
    use std::io;
    use std::os::fd::AsRawFd as _;

    use nix::libc;
    use nix::sys::socket::{
        AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, socket,
    };
    use tokio::net::UnixDatagram;

    /// Links, addresses and routes.
    const GROUPS: i32 = libc::RTMGRP_LINK
        | libc::RTMGRP_IPV4_IFADDR
        | libc::RTMGRP_IPV6_IFADDR
        | libc::RTMGRP_IPV4_ROUTE
        | libc::RTMGRP_IPV6_ROUTE;

    /// To tokio a socket for datagrams is like any other.
    pub(super) struct Listener(UnixDatagram);

    impl Listener {
        pub(super) fn open() -> io::Result<Self> {
            let socket = socket(
                AddressFamily::Netlink,
                SockType::Raw,
                SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC,
                SockProtocol::NetlinkRoute,
            )?;
            let groups = NetlinkAddr::new(0, GROUPS.cast_unsigned());
            bind(socket.as_raw_fd(), &groups)?;
            Ok(Self(UnixDatagram::from_std(socket.into())?))
        }

        /// Returns when something was said.
        pub(super) async fn heard(&self) -> io::Result<()> {
            loop {
                self.0.readable().await?;
                match self.take() {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    outcome => return outcome,
                }
            }
        }

        /// What was said until now is one thing.
        pub(super) fn forget(&self) {
            while self.take().is_ok() {}
        }

        fn take(&self) -> io::Result<()> {
            // The rest of a longer message is dropped.
            match self.0.try_recv(&mut [0; 64]) {
                // So much was said that some of it was lost.
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => Ok(()),
                outcome => outcome.map(drop),
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod kernel {
    use std::io;

    pub(super) struct Listener;

    impl Listener {
        pub(super) fn open() -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(super) async fn heard(&self) -> io::Result<()> {
            std::future::pending().await
        }

        pub(super) fn forget(&self) {}
    }
}
