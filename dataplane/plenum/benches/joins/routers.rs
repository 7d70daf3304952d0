//! The zone's routers, as far as the zone sees them: links.

use std::time::Duration;

use plenum_wire::link::{FromRouter, HEARTBEAT_MS, ROUTER_SUBPROTOCOL, SILENCE_MS};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::people::{self, EACH, MEETINGS, ROUTERS};
use crate::support::{FakeRouter, dial};
use crate::zone::Zone;

/// Handshakes at once.
const AT_ONCE: usize = 32;
/// File descriptors: two for each connection, and some.
const FILES: u64 = 2 * ROUTERS as u64 + 1_024;

/// Their tasks, which end when the zone closes a link.
pub type Routers = JoinSet<()>;

/// Lets this process have as many connections as it needs.
pub fn make_room() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_some_and(|now| now < FILES) {
        let wanted = Rlimit {
            current: Some(FILES),
            maximum,
        };
        setrlimit(Resource::Nofile, wanted).expect("2,000 routers need 5,000 file descriptors");
    }
}

/// All of them, once the zone knows who is on them.
pub async fn connect(zone: &Zone) -> Routers {
    let mut routers = JoinSet::new();
    let mut arriving = JoinSet::new();
    for index in 0..ROUTERS {
        let (link, trust, identity) = (zone.link, zone.trust.clone(), zone.router.clone());
        arriving.spawn(async move {
            let channel = dial(link, &trust, &identity, ROUTER_SUBPROTOCOL).await;
            let mut router = FakeRouter::on(channel.unwrap(), 0);
            router.hello(&people::router(index));
            router.welcomed().await;
            assert!(router.sender.send(&report(index, true)));
            router
        });
        if arriving.len() >= AT_ONCE {
            routers.spawn(live(arriving.join_next().await.unwrap().unwrap()));
        }
    }
    while let Some(arrived) = arriving.join_next().await {
        routers.spawn(live(arrived.unwrap()));
    }
    all_there(zone, &mut routers).await;
    routers
}

/// Waits until the zone knows of everybody; fails when a router has lost its link.
pub async fn all_there(zone: &Zone, routers: &mut Routers) {
    let everybody = [
        format!("plenum_zone_routers {ROUTERS}\n"),
        format!("plenum_zone_participants {}\n", MEETINGS * EACH),
    ];
    loop {
        assert!(
            routers.try_join_next().is_none(),
            "the zone has not heard of a router for {SILENCE_MS} ms: is the machine busy?"
        );
        let metrics = zone.look().await.metrics;
        if everybody.iter().all(|line| metrics.contains(line)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(HEARTBEAT_MS)).await;
    }
}

/// Beats, until its link is closed.
async fn live(router: FakeRouter) {
    let mut beats = interval(Duration::from_millis(HEARTBEAT_MS));
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beats.tick().await;
        if !router.sender.send(&report(0, false)) {
            return;
        }
    }
}

/// The first report of a router has its meetings; a heartbeat has none.
fn report(router: usize, first: bool) -> FromRouter {
    FromRouter::Report {
        load: people::load(),
        meetings: if first {
            people::meetings(router)
        } else {
            Vec::new()
        },
        ended: Vec::new(),
    }
}
