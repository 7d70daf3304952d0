//! The router's own loop, with everybody let in beforehand: what is measured is the SFU core
//! and the port, as `plenum mmr` runs them.

use std::num::NonZeroU8;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use plenum::mmr::media_path;
use plenum_router::{ChannelId, Config, Input, LinkId, Output, Shard};
use plenum_transport::media::{self, Switch};
use plenum_transport::tls::Identity;
use plenum_wire::control::{FromClient, FromRouter, Interest};
use plenum_wire::join::Endpoint;
use plenum_wire::link::{TicketKey, ToRouter};
use plenum_wire::ticket::{Claims, SigningKey};
use plenum_wire::{Boot, Codec, Kind};

use crate::meetings::{Meetings, flows, ssrc};
use crate::stock::{announce, when_input_ends};

const ROUTER: &str = "bench";
/// Unix time in seconds; any will do.
const NOW_S: u64 = 1_800_000_000;

/// Serves until the standard input ends.
pub fn run(meetings: Meetings, cores: NonZeroU8) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let identity = Identity::self_signed(&[ROUTER.to_owned()])?;
    let any = "127.0.0.1:0".parse()?;
    let (mut switch, _streams) = {
        let _runtime = runtime.enter();
        Switch::bind(&media::Config {
            udp: any,
            tcp: any,
            identity: identity.clone(),
            cores,
        })?
    };
    let mut shard = populated(meetings, &identity)?;
    announce(switch.udp_address()?, &identity)?;

    let stop = Arc::new(AtomicBool::new(false));
    let (told, waker) = (Arc::clone(&stop), switch.waker());
    when_input_ends(move || {
        told.store(true, Ordering::Relaxed);
        waker.wake();
    });
    let mut events = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let now = switch.wait(shard.next_timeout())?;
        switch.receive(&mut events)?;
        for event in events.drain(..) {
            shard.handle(media_path::input(event), now);
            carry_out(&mut shard, &mut switch);
        }
        shard.handle_timeout(now);
        carry_out(&mut shard, &mut switch);
        switch.flush();
    }
    Ok(())
}

fn carry_out(shard: &mut Shard, switch: &mut Switch) {
    while let Some(output) = shard.poll() {
        // Nobody listens on the control channels.
        let _ = media_path::carry_out(output, switch);
    }
}

/// A router with everybody in their meetings, the tracks published.
fn populated(meetings: Meetings, identity: &Identity) -> Result<Shard> {
    let now = Instant::now();
    let people = meetings.meetings * meetings.people;
    let mut shard = Shard::new(Config {
        router: ROUTER.parse()?,
        pool: "bench".parse()?,
        boot: Boot(1),
        endpoint: Endpoint {
            addresses: vec![[127, 0, 0, 1].into()],
            https_port: 443,
            media_port: 8801,
            fingerprint: identity.fingerprint(),
        },
        capacity: people,
    });
    let (key, public) = keys()?;
    let link = LinkId(1);
    shard.handle(Input::LinkOpened { link }, now);
    let welcome = ToRouter::Welcome {
        controller: "bench".parse()?,
        zone: "bench".parse()?,
        keys: vec![public],
    };
    shard.handle(
        Input::LinkMessage {
            link,
            message: welcome,
        },
        now,
    );
    for person in meetings.everybody() {
        let channel = ChannelId(u64::from(person));
        shard.handle(Input::ControlOpened { channel }, now);
        let claims = Claims {
            meeting: format!("m{}", meetings.meeting_of(person)).parse()?,
            participant: format!("p{person}").parse()?,
            router: ROUTER.parse()?,
            fingerprint: identity.fingerprint(),
            flows: flows(person),
            expires: NOW_S + 60,
            admitted: NOW_S,
            vouched: NOW_S,
        };
        let hello = FromClient::Hello {
            ticket: key.sign(&claims),
            name: None,
            subscribe: Interest::All,
            moved_from: None,
        };
        say(&mut shard, channel, hello, now);
        if meetings.sends(person) {
            say(&mut shard, channel, publish(person), now);
        }
        while let Some(output) = shard.poll() {
            if let Output::Control { message, .. } = output
                && let FromRouter::Error { message, .. } = *message
            {
                anyhow::bail!("the router refused person {person}: {message}");
            }
        }
    }
    ensure!(
        shard.load().participants == people,
        "not everybody is in their meeting"
    );
    Ok(shard)
}

fn say(shard: &mut Shard, channel: ChannelId, message: FromClient, now: Instant) {
    let said = Input::ControlMessage {
        channel,
        message,
        unix_s: NOW_S,
    };
    shard.handle(said, now);
}

fn publish(person: u32) -> FromClient {
    FromClient::Publish {
        kind: Kind::Video,
        ssrc: ssrc(person),
        codec: Codec {
            name: "VP8".into(),
            clock_rate: 90_000,
            payload_type: 96,
            width: 640,
            height: 360,
            channels: 0,
        },
        layers: Vec::new(),
    }
}

fn keys() -> Result<(SigningKey, TicketKey)> {
    let pair = Ed25519KeyPair::generate()?;
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(pair.to_pkcs8v1()?)
    );
    let key = SigningKey::from_pem(ROUTER, pem.as_bytes()).context("a fresh key")?;
    let public = TicketKey {
        kid: ROUTER.to_owned(),
        x: URL_SAFE_NO_PAD.encode(pair.public_key()),
    };
    Ok((key, public))
}
