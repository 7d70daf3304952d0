//! A zone that belongs to a directory, on one cluster: who comes by the directory gets in, by
//! a tunnel too, and who has none of its tokens does not.
//!
//! | file | what it is |
//! |---|---|
//! | `service` | the directory: its volume, its release, its accounts and meetings |
//! | `zone` | a zone and a pool that belong to it |
//! | `office` | a network from which only directory and tunnels can be reached |
//! | `person` | who joins, and what of the others they heard |

mod office;
mod person;
mod service;
mod zone;

use anyhow::{Result, ensure};

use super::world::World;
use office::Office;
use person::{Attendance, Person};
use service::Service;
use zone::Zone;

/// `plenum join` that is refused for good, as docs/protocol.md has it.
const REFUSED: i32 = 3;
/// How long the one in the office stays, most of it without a directory; and how long the other
/// waits for them at most.
const CALL_S: u64 = 20;
const OTHER_STAYS_S: u64 = 90;
/// Of Opus a packet comes each 20 ms; not everything is speech, and joining takes its time.
const HEARD: u64 = 10 * CALL_S;
/// Nobody hears that the directory goes; a busy machine alone makes pauses.
const PAUSE_MS: u64 = 3_000;

pub async fn people_join_by_it_and_meet_without_it(world: &World) -> Result<()> {
    let (service, zone) = (Service::new(world)?, Zone::new(world).await?);
    let story = story(world, &service, &zone).await;
    // Before everything is taken away; logs go with their pods.
    if story.is_err() {
        world.dump("directory").await;
    }
    let removed = [zone.remove().await, service.remove().await];
    story?;
    removed.into_iter().collect()
}

async fn story(world: &World, service: &Service<'_>, zone: &Zone<'_>) -> Result<()> {
    service.install().await?;
    let password = service.add_administrator("ada").await?;
    let credential = service.add_zone(zone::QUALIFIED).await?;

    zone.apply(&format!("https://{}", service::INSIDE)).await?;
    zone.until_it_says(zone::MISSING_SECRET).await?;
    let authority = service.authority().await?;
    zone.give_secret(&credential, &authority).await?;
    zone.until_it_serves().await?;

    let meeting = service.meeting("ada", &password).await?;
    without_a_token_nobody_gets_in(world, zone, &meeting).await?;
    a_call_outlives_the_directory(world, service, &meeting).await?;
    // Another pod, with the accounts and meetings of the last one.
    service.start().await?;
    let carol = Person::new("carol", world, service, &meeting).stays(1);
    carol.joins()?.attendance().await.map(drop)
}

async fn without_a_token_nobody_gets_in(
    world: &World,
    zone: &Zone<'_>,
    meeting: &str,
) -> Result<()> {
    let authority = zone.authority().await?;
    let (status, said) =
        person::try_the_zone(world, &zone.controller(), &authority, meeting).await?;
    ensure!(
        status == Some(REFUSED) && said.contains("token"),
        "without a token plenum join ended with {status:?}, not {REFUSED}, and said: {said}"
    );
    Ok(())
}

async fn a_call_outlives_the_directory(
    world: &World,
    service: &Service<'_>,
    meeting: &str,
) -> Result<()> {
    let office = Office::open(&[service.door(), zone::tunnels(world)]).await?;
    let alice = Person::new("alice", world, service, meeting).stays(OTHER_STAYS_S);
    let bob = Person::new("bob", world, service, meeting).stays(CALL_S);
    let alice = alice.joins()?;
    let bob = bob.joins_from(&office)?;
    alice.is_in().await?;
    bob.is_in().await?;
    service.stop().await?;
    let bob = bob.attendance().await?;
    alice.leave();
    let alice = alice.attendance().await?;
    for (attendance, route) in [(&bob, "tunnel"), (&alice, "direct")] {
        let came = attendance.route();
        ensure!(
            came == route,
            "the route is {came}, not {route}: {attendance}"
        );
        heard_the_other(attendance)?;
    }
    Ok(())
}

fn heard_the_other(attendance: &Attendance) -> Result<()> {
    let heard = attendance.audio();
    ensure!(
        heard >= HEARD,
        "{heard} packets of speech came, not {HEARD}: {attendance}"
    );
    let pause = attendance.longest_pause_ms();
    ensure!(pause <= PAUSE_MS, "a pause of {pause} ms: {attendance}");
    Ok(())
}
