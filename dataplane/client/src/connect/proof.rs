//! What a zone's tunnels are shown, so that they let somebody through.

use std::time::Instant;

use plenum_transport::route::{Credentials, Route};

use super::places::{Place, Places};
use crate::network::Network;

/// Of who comes back: it opens its own zone's tunnels when the token is too old to, and is
/// nothing to those of other zones.
#[derive(Debug, Clone)]
pub(crate) struct Ticket {
    pub zone: Place,
    pub text: String,
}

/// What a zone's tunnel is shown. A token that is surely good opens every tunnel; one of which
/// nobody knows how old it is, as the user gave it, is left for the zone's own ticket.
pub(super) fn shown(
    ticket: Option<&Ticket>,
    places: &Places,
    zone: &Place,
    now: Instant,
) -> Option<String> {
    let is_good = places.expires.is_some_and(|expires| now < expires);
    let ticket = ticket.filter(|ticket| !is_good && ticket.zone.is(zone));
    ticket
        .map(|ticket| ticket.text.clone())
        .or_else(|| places.token.clone())
}

/// The same network for what an offer is for: its ticket opens tunnels for as long as its
/// holder is in the meeting, and the directory's token for ten minutes.
pub(crate) fn with_ticket(network: &Network, ticket: &str) -> Network {
    let hops = network.route().hops();
    let Some((tunnel, before)) = hops.split_last() else {
        return network.clone();
    };
    let credentials = Credentials::Bearer(ticket.to_owned());
    match tunnel.clone().with(&credentials) {
        Ok(tunnel) => network.via(Route::through(before.iter().cloned()).then(tunnel)),
        // It cannot be shown: the token is left.
        Err(_) => network.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use plenum_emulator::{HttpProxy, ProxyRules};
    use plenum_transport::route::Hop;
    use tokio::net::TcpListener;

    use super::*;

    async fn tunnel(proof: &str) -> HttpProxy {
        let rules = ProxyRules {
            authorization: Some(format!("Bearer {proof}")),
            ..ProxyRules::default()
        };
        HttpProxy::start(rules).await.unwrap()
    }

    #[tokio::test]
    async fn what_follows_an_offer_shows_its_ticket_and_no_longer_the_token() {
        let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = target.local_addr().unwrap().port();
        let tunnel = tunnel("ticket").await;
        let token = Credentials::Bearer("token".to_owned());
        let hop = Hop::plain("127.0.0.1", tunnel.address().port()).unwrap();
        let hop = hop.with(&token).unwrap();
        let network = Network::new(None).unwrap().via(Route::through([hop]));
        let by = async |network: &Network| network.route().connect("127.0.0.1", port).await;
        assert!(
            by(&network).await.is_err(),
            "the tunnel knows no such token"
        );
        assert!(by(&with_ticket(&network, "ticket")).await.is_ok());
    }

    #[tokio::test]
    async fn a_network_without_a_tunnel_stays_as_it_is() {
        let network = Network::new(None).unwrap();
        assert!(with_ticket(&network, "ticket").route().is_direct());
    }

    #[test]
    fn a_ticket_is_shown_to_its_own_zone_alone_and_when_the_token_may_be_too_old() {
        let zone = |name: &str| Place {
            name: Some(name.parse().unwrap()),
            ..Place::default()
        };
        let ticket = Ticket {
            zone: zone("berlin"),
            text: "ticket".to_owned(),
        };
        let now = Instant::now();
        let shown = |to: &str, expires: Option<Instant>| {
            let places = Places {
                token: Some("token".to_owned()),
                expires,
                ..Places::default()
            };
            shown(Some(&ticket), &places, &zone(to), now).unwrap()
        };
        let fresh = Some(now + Duration::from_secs(600));
        assert_eq!(shown("berlin", fresh), "token");
        assert_eq!(shown("berlin", Some(now)), "ticket");
        assert_eq!(shown("berlin", None), "ticket", "the user gave the token");
        for expires in [fresh, Some(now), None] {
            assert_eq!(shown("paris", expires), "token");
        }
    }
}
