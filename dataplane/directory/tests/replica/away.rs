//! The directory is away, and comes back.

use std::time::Duration;

use crate::life::Life;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn half_an_hour_later_nothing_is_missing() {
    let mut life = Life::begin().await;
    for _ in 0..20 {
        life.a_meeting_is_made().await;
    }
    life.goes_on(MINUTE, Some(5 * SECOND)).await;
    life.goes_on(5 * SECOND, None).await;
    assert!(life.is_reconciled().await);
    let known = life.meetings().to_vec();

    life.connected = false;
    let questions = life.questions;
    for _ in 0..30 {
        life.goes_on(MINUTE, Some(5 * SECOND)).await;
        // Those who know their number and passcode come in by the replica all the time.
        for meeting in &known {
            let found = life.replica.find_meeting(&meeting.number.id()).await;
            let found = found.unwrap();
            assert!(life.replica.passcode_matches(&found, "1234"));
        }
    }
    let asked = life.questions - questions;
    assert!(
        (60..=300).contains(&asked),
        "neither idle nor a flood: {asked}"
    );
    assert!(!life.is_reconciled().await, "much has happened there");
    let behind = life.pulling.behind(life.now).unwrap();
    assert!(behind >= 30 * MINUTE, "and it knows that: {behind:?}");

    life.connected = true;
    // The longest wait, and what is on its way.
    life.goes_on(30 * SECOND, None).await;
    assert!(life.is_reconciled().await);
    assert_eq!(life.anew, 0, "only what was missed was told");
}

#[tokio::test]
async fn a_network_that_fails_now_and_then_loses_nothing() {
    let mut life = Life::begin().await;
    life.loses_one_of = Some(3);
    for minute in 0..60 {
        life.connected = minute % 7 != 3;
        life.goes_on(MINUTE, Some(3 * SECOND)).await;
    }
    life.connected = true;
    life.loses_one_of = None;
    life.goes_on(30 * SECOND, None).await;
    assert!(life.is_reconciled().await);
    assert_eq!(life.anew, 0);
}
