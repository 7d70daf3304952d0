//! What the tasks of a leg tell the session, which is the only place where it is acted on.

use std::time::Instant;

use bytes::Bytes;
use plenum_transport::channel::Sender;
use plenum_transport::dial::MediaSender;
use plenum_wire::control::{FromClient, FromRouter};
use plenum_wire::rtp::Header;
use plenum_wire::{Kind, Rung};

use crate::connect::Located;
use crate::error::JoinError;
use crate::moving::{Cause, LegId};

pub(crate) enum Note {
    /// The zone answered.
    Answer(Result<Box<Located>, JoinError>),
    Leg(LegId, LegNote),
}

pub(crate) enum LegNote {
    /// The control channel is open.
    Control(Sender<FromClient>),
    Message(Box<FromRouter>),
    /// The control channel ended, or was never there.
    Closed(Cause),
    Media {
        kind: Kind,
        rung: Rung,
        /// Which try of this rung: what is left over from an earlier one is ignored.
        attempt: u32,
        note: MediaNote,
    },
    /// RTCP on our flow of a kind.
    Feedback {
        kind: Kind,
        packet: Bytes,
    },
    /// An RTP packet. Apart from the rest because there are many.
    Packet {
        header: Header,
        packet: Bytes,
        at: Instant,
    },
}

pub(crate) enum MediaNote {
    Opened(MediaSender),
    Failed(String),
    /// Nothing comes back any more.
    Silent,
    /// Something does again.
    Heard,
    Lost,
}
