//! What happens to a shard, and what it wants done.

use std::net::IpAddr;

use bytes::Bytes;
use plenum_wire::control::{FromClient, FromRouter};
use plenum_wire::link::{self, ToRouter};
use plenum_wire::rtp::Rewrite;
use plenum_wire::{BadMessage, FlowId, Kind, Rung};

use crate::{ChannelId, ConnectionId, LinkId, Strain};

/// Something happened. The numbers are the shell's and are never used again.
#[derive(Debug, Clone)]
pub enum Input {
    /// A client opened its control channel.
    ControlOpened {
        /// Which.
        channel: ChannelId,
    },
    /// A client said something.
    ControlMessage {
        /// Where.
        channel: ChannelId,
        /// What.
        message: FromClient,
        /// Unix time in seconds, against which tickets are checked.
        unix_s: u64,
    },
    /// A client said something that is no message.
    ControlBad {
        /// Where.
        channel: ChannelId,
        /// What is wrong with it.
        bad: BadMessage,
    },
    /// A control channel is gone. Also said after [`Output::CloseControl`].
    ControlClosed {
        /// Which.
        channel: ChannelId,
    },
    /// A media connection was made; whose it is will be seen from its first packet.
    MediaOpened {
        /// Which.
        connection: ConnectionId,
        /// How it carries.
        rung: Rung,
    },
    /// A media connection brought a packet.
    Packet {
        /// Which.
        connection: ConnectionId,
        /// The flow it is on.
        flow: FlowId,
        /// RTP or RTCP.
        packet: Bytes,
    },
    /// How much a media connection can carry now to its client. Before the first of these
    /// everything is taken to fit.
    Estimate {
        /// Which.
        connection: ConnectionId,
        /// In bits a second.
        bits_per_s: u64,
    },
    /// How hard the router worked since the last time; said every 100 ms. A router that is
    /// not told is not overloaded.
    Strain(Strain),
    /// A media connection is gone. Also said after [`Output::CloseMedia`].
    MediaClosed {
        /// Which.
        connection: ConnectionId,
    },
    /// Clients reach the router here from now on, in the place of what the configuration says:
    /// links that open later are told so.
    Addresses {
        /// The preferred first.
        addresses: Vec<IpAddr>,
    },
    /// A zone link to a controller is up; the shard says `hello` on it.
    LinkOpened {
        /// Which.
        link: LinkId,
    },
    /// A controller said something.
    LinkMessage {
        /// Where.
        link: LinkId,
        /// What.
        message: ToRouter,
    },
    /// A zone link is gone.
    LinkClosed {
        /// Which.
        link: LinkId,
    },
    /// The process shall end: drain, whatever controllers say from now on.
    Drain,
    /// The process ends now: everybody still here is sent away to ask the zone again.
    Stop,
}

/// Something is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send a packet; its bytes are shared by all receivers.
    Forward {
        /// To whom.
        to: ConnectionId,
        /// The receiver's own flow.
        flow: FlowId,
        /// As it came.
        packet: Bytes,
        /// What is different for this receiver.
        rewrite: Option<Rewrite>,
    },
    /// A media connection turned out to carry this kind, which tells how old its packets
    /// may get.
    Carries {
        /// Which.
        connection: ConnectionId,
        /// What.
        kind: Kind,
    },
    /// Tell a client something.
    Control {
        /// Where.
        to: ChannelId,
        /// What.
        message: Box<FromRouter>,
    },
    /// End a control channel, after what was said on it before.
    CloseControl {
        /// Which.
        channel: ChannelId,
        /// WebSocket close code.
        code: u16,
        /// For people.
        reason: &'static str,
    },
    /// End a media connection.
    CloseMedia {
        /// Which.
        connection: ConnectionId,
        /// One of [`plenum_wire::frame::close`].
        code: u32,
    },
    /// Tell a controller something.
    Link {
        /// Where.
        to: LinkId,
        /// What.
        message: Box<link::FromRouter>,
    },
}

impl Output {
    /// Of a packet that is sent, its bytes.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Self::Forward { packet, .. } => packet.len() as u64,
            _ => 0,
        }
    }
}
