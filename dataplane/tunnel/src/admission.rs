//! Who may use a tunnel, before anybody asks for what.

use std::net::IpAddr;
use std::sync::Arc;

use plenum_transport::rate::household;
use plenum_wire::directory::TokenClaims;
use plenum_wire::{ParticipantId, ZoneName, ticket};

/// Reads a token of the directory; `None` when the directory did not sign it.
pub type Verify = Arc<dyn Fn(&str) -> Option<TokenClaims> + Send + Sync>;

/// How a tunnel admits clients: as its zone does.
#[derive(Clone)]
pub enum Admission {
    /// Everybody who can reach it. Clients are told apart by their addresses, so the limits
    /// for one are stricter.
    Open,
    /// Who brings a token of the directory, or a ticket of the zone.
    Directory(Verify),
}

/// What a client shows. The signatures have been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// Nothing.
    None,
    /// A token of the directory.
    Token(TokenClaims),
    /// A ticket of the zone, within [`ticket::IDENTITY_S`] of its holder's being let in: who
    /// is in a meeting comes back while the directory is away.
    Ticket(ticket::Claims),
    /// Something that neither of them signed.
    Forged,
}

/// Who a client is, as far as shares and limits go.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Client {
    /// By a token's subject.
    Account(String),
    /// By a ticket.
    Participant(ParticipantId),
    /// By the network it comes from.
    Address(IpAddr),
}

/// Why a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// There is none.
    #[error("show a token of the directory")]
    Missing,
    /// Nobody known signed it.
    #[error("this token was not signed by the directory of this zone")]
    Forged,
    /// Its time is over.
    #[error("this token has expired: look the meeting up again")]
    Expired,
    /// It is for other zones.
    #[error("this token is for other zones")]
    OtherZone,
}

/// Who somebody with a proof that was asked for is, at `now`, Unix time in seconds.
pub fn admit(proof: Proof, zone: &ZoneName, now: u64) -> Result<Client, Unproven> {
    match proof {
        Proof::None => Err(Unproven::Missing),
        Proof::Forged => Err(Unproven::Forged),
        Proof::Token(token) if !token.aud.contains(zone) => Err(Unproven::OtherZone),
        Proof::Token(token) if token.exp <= now => Err(Unproven::Expired),
        Proof::Token(token) => Ok(Client::Account(token.sub)),
        Proof::Ticket(ticket) => Ok(Client::Participant(ticket.participant)),
    }
}

/// Who somebody is who needs no proof.
#[must_use]
pub fn stranger(address: IpAddr) -> Client {
    Client::Address(household(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000;

    fn zone() -> ZoneName {
        "ns.berlin".parse().unwrap()
    }

    fn token(aud: &[&str], exp: u64) -> Proof {
        Proof::Token(TokenClaims {
            iss: "https://directory".into(),
            sub: "ada".into(),
            aud: aud.iter().map(|zone| zone.parse().unwrap()).collect(),
            meeting: "4711".parse().unwrap(),
            role: plenum_wire::directory::Role::Participant,
            iat: 0,
            exp,
            jti: "1".into(),
        })
    }

    #[test]
    fn a_token_opens_the_zones_that_it_names_until_it_ends() {
        let ada = Client::Account("ada".into());
        let cases = [
            (token(&["ns.berlin"], NOW + 1), Ok(ada.clone())),
            (token(&["ns.paris", "ns.berlin"], NOW + 1), Ok(ada)),
            (token(&["ns.berlin"], NOW), Err(Unproven::Expired)),
            (token(&["ns.paris"], NOW + 1), Err(Unproven::OtherZone)),
            (
                token(&["ns.berlin.x", "berlin"], NOW + 1),
                Err(Unproven::OtherZone),
            ),
            (token(&[], NOW + 1), Err(Unproven::OtherZone)),
            (Proof::Forged, Err(Unproven::Forged)),
            (Proof::None, Err(Unproven::Missing)),
        ];
        for (proof, expected) in cases {
            assert_eq!(admit(proof.clone(), &zone(), NOW), expected, "{proof:?}");
        }
    }

    #[test]
    fn a_household_is_one_stranger() {
        let of = |text: &str| stranger(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
