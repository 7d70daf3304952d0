//! One `WebRTC` peer that receives.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use str0m::change::SdpOffer;
use str0m::crypto::CryptoProvider;
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

/// What a subscriber has to say or to send.
pub enum Said {
    /// A payload came.
    Payload(Arc<[u8]>),
    /// To be sent.
    Datagram(SocketAddr, Vec<u8>),
}

/// A peer.
pub struct Subscriber {
    rtc: Rtc,
    /// The address that it talks from.
    local: SocketAddr,
    /// When it wants to be asked again.
    pub due: Instant,
}

impl Subscriber {
    /// Answers an offer of Janus. `lean`: without retransmission and transport feedback, which
    /// both cost a server.
    pub fn answer(
        crypto: &Arc<CryptoProvider>,
        local: SocketAddr,
        offer: &str,
        lean: bool,
        now: Instant,
    ) -> Result<(Self, String)> {
        let mut rtc = RtcConfig::new()
            .set_crypto_provider(Arc::clone(crypto))
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_vp8(true)
            .set_stats_interval(None)
            .build(now);
        let candidate = Candidate::host(local, Protocol::Udp)?;
        rtc.add_local_candidate(candidate);
        let offer = SdpOffer::from_sdp_string(offer)?;
        let answer = rtc.sdp_api().accept_offer(offer)?.to_sdp_string();
        let answer = if lean {
            without_feedback(&answer)
        } else {
            answer
        };
        let due = now;
        Ok((Self { rtc, local, due }, answer))
    }

    /// Where an offer's host candidate is.
    pub fn address_in(offer: &str) -> Result<SocketAddr> {
        let candidate = offer
            .lines()
            .find_map(|line| line.strip_prefix("a=candidate:"));
        let candidate = candidate.context("no candidate in the offer")?;
        let mut words = candidate.split(' ').skip(4);
        let (ip, port) = (words.next(), words.next());
        let ip = ip.context("a candidate has an address")?.parse()?;
        Ok(SocketAddr::new(ip, port.context("and a port")?.parse()?))
    }

    /// A datagram came.
    pub fn receive(&mut self, from: SocketAddr, bytes: &[u8], now: Instant) -> Result<()> {
        // What is neither STUN, DTLS nor RTP is nothing to it.
        let Ok(contents) = bytes.try_into() else {
            return Ok(());
        };
        let received = Receive {
            proto: Protocol::Udp,
            source: from,
            destination: self.local,
            contents,
        };
        Ok(self.rtc.handle_input(Input::Receive(now, received))?)
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<()> {
        Ok(self.rtc.handle_input(Input::Timeout(now))?)
    }

    /// The next that it has to say, if any.
    pub fn poll(&mut self) -> Result<Option<Said>> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(due) => {
                    self.due = due;
                    return Ok(None);
                }
                Output::Transmit(transmit) => {
                    let contents = transmit.contents.to_vec();
                    return Ok(Some(Said::Datagram(transmit.destination, contents)));
                }
                Output::Event(Event::RtpPacket(packet)) => {
                    return Ok(Some(Said::Payload(packet.payload)));
                }
                Output::Event(_) => {}
            }
        }
    }
}

fn without_feedback(answer: &str) -> String {
    let wanted = |line: &&str| {
        let feedback = line.starts_with("a=rtcp-fb:");
        !(feedback && (line.ends_with(" nack") || line.ends_with("transport-cc")))
    };
    let lines: Vec<&str> = answer.lines().filter(wanted).collect();
    lines.join("\r\n") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_the_first_candidates() {
        let offer = "v=0\r\na=candidate:1 1 udp 2015363327 192.0.2.2 40123 typ host\r\n";
        let address = Subscriber::address_in(offer).ok();
        assert_eq!(address, "192.0.2.2:40123".parse().ok());
        assert!(Subscriber::address_in("v=0\r\n").is_err());
    }

    #[test]
    fn a_lean_answer_asks_for_no_feedback_but_key_frames() {
        let answer = "a=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 transport-cc\r\n";
        assert_eq!(without_feedback(answer), "a=rtcp-fb:96 nack pli\r\n");
    }
}
