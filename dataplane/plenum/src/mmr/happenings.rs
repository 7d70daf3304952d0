//! What happens beside media, on its way to the thread that decides.

use std::net::IpAddr;

use plenum_router::{ChannelId, LinkId};
use plenum_transport::channel;
use plenum_transport::media::Waker;
use plenum_wire::BadMessage;
use plenum_wire::control::{FromClient, FromRouter};
use plenum_wire::link::{self, ToRouter};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::SendError;
use tracing::Span;

/// Control messages and link messages that may wait; then their connections wait.
const HAPPENINGS: usize = 1_024;

/// Where happenings go, and what wakes the thread that takes them.
#[derive(Clone)]
pub(super) struct Happenings {
    sender: mpsc::Sender<Happening>,
    waker: Waker,
}

impl Happenings {
    pub(super) fn new(waker: Waker) -> (Self, mpsc::Receiver<Happening>) {
        let (sender, happened) = mpsc::channel(HAPPENINGS);
        (Self { sender, waker }, happened)
    }

    /// Waits for room. Fails when the router has ended.
    pub(super) async fn send(&self, happening: Happening) -> Result<(), SendError<Happening>> {
        let sent = self.sender.send(happening).await;
        self.waker.wake();
        sent
    }
}

/// Something that happened, but for media.
pub(super) enum Happening {
    ControlOpened {
        channel: ChannelId,
        sender: channel::Sender<FromRouter>,
    },
    ControlSaid {
        channel: ChannelId,
        message: FromClient,
        /// How the client came in, with what it says first; none later.
        entrance: Span,
    },
    ControlBad {
        channel: ChannelId,
        bad: BadMessage,
    },
    ControlClosed {
        channel: ChannelId,
    },
    LinkOpened {
        link: LinkId,
        sender: channel::Sender<link::FromRouter>,
        /// Where clients reach the router now.
        addresses: Vec<IpAddr>,
    },
    LinkSaid {
        link: LinkId,
        message: ToRouter,
    },
    LinkClosed {
        link: LinkId,
    },
}
