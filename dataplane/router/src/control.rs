//! The control channel: what a client says and what it is answered.

use std::time::Instant;

use plenum_wire::control::{ErrorCode, FromClient, FromRouter, Interest};
use plenum_wire::ticket::Claims;
use plenum_wire::{BadMessage, DisplayName};

use crate::admission::{self, House, Room, explain};
use crate::limits::Bucket;
use crate::participant::Slot;
use crate::tracks::Publication;
use crate::{ChannelId, Output, Shard};

/// A control channel.
#[derive(Debug)]
pub(crate) struct Channel {
    bucket: Bucket,
    /// Whose it is, after `hello`.
    pub joined: Option<Slot>,
}

/// Who says something.
enum Speaker {
    /// Nobody before `hello`.
    Stranger,
    Member(Slot),
}

/// A `hello` whose ticket was good.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub claims: Claims,
    pub name: Option<DisplayName>,
    pub interest: Interest,
}

impl Shard {
    pub(crate) fn control_opened(&mut self, channel: ChannelId, now: Instant) {
        let bucket = Bucket::new(now);
        let fresh = Channel {
            bucket,
            joined: None,
        };
        self.channels.insert(channel, fresh);
        self.hellos.start(channel, now);
    }

    pub(crate) fn hello_overdue(&mut self, channel: ChannelId, now: Instant) {
        if self
            .channels
            .get(&channel)
            .is_some_and(|channel| channel.joined.is_none())
        {
            self.refuse(channel, ErrorCode::HelloExpected, now);
        }
    }

    pub(crate) fn control_closed(&mut self, channel: ChannelId, now: Instant) {
        if let Some(Channel {
            joined: Some(slot), ..
        }) = self.channels.remove(&channel)
        {
            self.leave(slot, now);
        }
    }

    /// Takes a token for a message; `None` when the channel is gone or had to go.
    fn speaker(&mut self, channel: ChannelId, now: Instant) -> Option<Speaker> {
        let entry = self.channels.get_mut(&channel)?;
        if !entry.bucket.take(now) {
            self.refuse(channel, ErrorCode::TooFast, now);
            return None;
        }
        Some(entry.joined.map_or(Speaker::Stranger, Speaker::Member))
    }

    pub(crate) fn control_bad(&mut self, channel: ChannelId, bad: &BadMessage, now: Instant) {
        self.counters.bad_messages += 1;
        match self.speaker(channel, now) {
            Some(Speaker::Member(_)) => {
                self.object(channel, ErrorCode::BadMessage, bad.to_string());
            }
            Some(Speaker::Stranger) => self.refuse_hello(channel, bad, now),
            None => {}
        }
    }

    /// Ends a channel whose first message was no hello, or one that could not be read:
    /// whoever wrote the client wants to know what was wrong with it.
    fn refuse_hello(&mut self, channel: ChannelId, bad: &BadMessage, now: Instant) {
        let code = ErrorCode::HelloExpected;
        self.counters.refused.count(code);
        let message = format!("{}: {bad}", explain(code));
        if self.send_away_with(channel, code, message) {
            self.control_closed(channel, now);
        }
    }

    pub(crate) fn control_message(
        &mut self,
        channel: ChannelId,
        message: FromClient,
        unix_s: u64,
        now: Instant,
    ) {
        match (self.speaker(channel, now), message) {
            (
                Some(Speaker::Stranger),
                FromClient::Hello {
                    ticket,
                    name,
                    subscribe: interest,
                    moved_from,
                },
            ) => match self.admit(&ticket, unix_s, now) {
                Ok(claims) => {
                    self.counters.moved_in += u64::from(moved_from.is_some());
                    let admitted = Admitted {
                        claims,
                        name,
                        interest,
                    };
                    self.join(channel, admitted, now);
                }
                Err(code) => self.refuse(channel, code, now),
            },
            (Some(Speaker::Stranger), _) => self.refuse(channel, ErrorCode::HelloExpected, now),
            (Some(Speaker::Member(slot)), message) => {
                self.participant_says(slot, channel, message, now);
            }
            (None, _) => {}
        }
    }

    fn admit(&self, ticket: &str, unix_s: u64, now: Instant) -> Result<Claims, ErrorCode> {
        let me = (&self.config.router, self.config.endpoint.fingerprint);
        let claims = admission::identify(&self.keys, me, ticket, unix_s)?;
        if self.endings.covers(&claims.meeting, claims.vouched, now) {
            return Err(ErrorCode::MeetingEnded);
        }
        let older_self = self
            .meetings
            .get(&claims.meeting)
            .and_then(|meeting| meeting.members.get(&claims.participant));
        let house = match self.meetings.get(&claims.meeting) {
            Some(_) if self.moving.contains_key(&claims.meeting) => House::Moving,
            Some(_) => House::Open,
            None => House::Empty,
        };
        let load = self.load();
        let closed = self.overload.closed_since();
        let before = closed.is_some_and(|closed| {
            let closed_for = now.saturating_duration_since(closed);
            admission::admitted_before(claims.admitted, closed_for, unix_s)
        });
        admission::room(Room {
            participants: load.participants - u32::from(older_self.is_some()),
            capacity: load.capacity,
            draining: load.draining,
            overloaded: closed.is_some(),
            expected: older_self.is_some() || before,
            house,
        })?;
        if self.flows_taken(&claims.flows, older_self.copied()) {
            return Err(ErrorCode::TicketForged);
        }
        Ok(claims)
    }

    fn participant_says(
        &mut self,
        slot: Slot,
        channel: ChannelId,
        message: FromClient,
        now: Instant,
    ) {
        match message {
            FromClient::Hello { .. } => {
                let message = "hello was said already".to_owned();
                self.object(channel, ErrorCode::BadMessage, message);
            }
            FromClient::Publish {
                kind,
                ssrc,
                codec,
                layers,
            } => match Publication::check(kind, ssrc, codec, layers) {
                Ok(publication) => self.publish(slot, kind, publication),
                Err(message) => self.object(channel, ErrorCode::BadMessage, message),
            },
            FromClient::Unpublish { kind } => self.unpublish(slot, kind),
            FromClient::Subscribe { participant, kind } => {
                self.subscribe(slot, &participant, kind, true);
            }
            FromClient::Unsubscribe { participant, kind } => {
                self.subscribe(slot, &participant, kind, false);
            }
            FromClient::Want { wants } => self.want(slot, wants),
            FromClient::Moved { to } => self.moved(slot, &to, now),
            FromClient::MoveFailed { to, .. } => self.move_failed(slot, &to, now),
            FromClient::Bye => {
                self.channels.remove(&channel);
                self.out.push_back(Output::CloseControl {
                    channel,
                    code: 1000,
                    reason: "bye",
                });
                self.leave(slot, now);
            }
        }
    }

    /// Tells a client what was wrong; its channel stays.
    pub(crate) fn object(&mut self, channel: ChannelId, code: ErrorCode, message: String) {
        self.say(channel, FromRouter::Error { code, message });
    }

    /// Tells a client why its channel ends, and ends it; who was on it leaves.
    pub(crate) fn refuse(&mut self, channel: ChannelId, code: ErrorCode, now: Instant) {
        self.counters.refused.count(code);
        if self.send_away(channel, code) {
            self.control_closed(channel, now);
        }
    }

    /// Says an error, and closes the channel if it is one that ends it.
    pub(crate) fn send_away(&mut self, channel: ChannelId, code: ErrorCode) -> bool {
        self.send_away_with(channel, code, explain(code).to_owned())
    }

    /// [`Shard::send_away`] with a message that says more than the code.
    fn send_away_with(&mut self, channel: ChannelId, code: ErrorCode, message: String) -> bool {
        self.object(channel, code, message);
        let reason = explain(code);
        let Some(code) = code.close() else {
            return false;
        };
        self.out.push_back(Output::CloseControl {
            channel,
            code,
            reason,
        });
        true
    }
}
