//! What the shard hears of the media ports, and what they do for it. The benchmarks run it
//! without clients and controllers.

use plenum_router::{ChannelId, ConnectionId, Input, LinkId, Output};
use plenum_transport::media::{self, Event, Switch};
use plenum_wire::control::FromRouter;
use plenum_wire::frame;
use plenum_wire::link;

/// What is left to do of an [`Output`] that is not media's.
#[derive(Debug)]
pub enum Beside {
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
    /// Tell a controller something.
    Link {
        /// Where.
        to: LinkId,
        /// What.
        message: Box<link::FromRouter>,
    },
}

/// What happened on a port, in the shard's words.
#[inline]
#[must_use]
pub fn input(event: Event) -> Input {
    match event {
        Event::Packet {
            connection,
            flow,
            packet,
        } => Input::Packet {
            connection: ConnectionId(connection.0),
            flow,
            packet,
        },
        Event::Opened {
            connection, rung, ..
        } => Input::MediaOpened {
            connection: ConnectionId(connection.0),
            rung,
        },
        Event::Estimate {
            connection,
            bits_per_s,
        } => Input::Estimate {
            connection: ConnectionId(connection.0),
            bits_per_s,
        },
        Event::Closed { connection } => Input::MediaClosed {
            connection: ConnectionId(connection.0),
        },
    }
}

/// Does what the shard wants of the ports; gives back what it wants of others.
#[inline]
pub fn carry_out(output: Output, switch: &mut Switch) -> Option<Beside> {
    match output {
        Output::Forward {
            to,
            flow,
            packet,
            rewrite,
        } => switch.send(media::ConnectionId(to.0), flow, &packet, rewrite),
        Output::Carries { connection, kind } => {
            switch.carries(media::ConnectionId(connection.0), kind);
        }
        Output::CloseMedia { connection, code } => {
            switch.close(media::ConnectionId(connection.0), code, reason(code));
        }
        Output::Control { to, message } => return Some(Beside::Control { to, message }),
        Output::CloseControl {
            channel,
            code,
            reason,
        } => {
            return Some(Beside::CloseControl {
                channel,
                code,
                reason,
            });
        }
        Output::Link { to, message } => return Some(Beside::Link { to, message }),
    }
    None
}

const fn reason(code: u32) -> &'static str {
    match code {
        frame::close::NONE => "",
        frame::close::UNKNOWN_FLOW => "the flow id is nobody's",
        _ => "no packet showed whose connection this is",
    }
}
