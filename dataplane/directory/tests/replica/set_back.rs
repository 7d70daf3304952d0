//! The directory's database is restored from a backup: what came after it is gone, and its
//! numbers are given to other things.

use std::time::Duration;

use crate::life::Life;

const SECOND: Duration = Duration::from_secs(1);

/// A life with a backup, which goes on after it.
async fn with_a_backup() -> Life {
    let mut life = Life::begin().await;
    for _ in 0..30 {
        life.something_happens().await;
    }
    life.goes_on(5 * SECOND, None).await;
    life.backup().await;
    for _ in 0..10 {
        life.a_meeting_is_made().await;
    }
    life.goes_on(5 * SECOND, None).await;
    assert!(life.is_reconciled().await);
    life
}

#[tokio::test]
async fn it_is_noticed_before_anything_else_happens() {
    let mut life = with_a_backup().await;
    life.restore().await;
    life.goes_on(10 * SECOND, None).await;
    assert!(life.is_reconciled().await);
    assert_eq!(life.anew, 1);
}

#[tokio::test]
async fn it_is_noticed_when_as_much_has_happened_since() {
    let mut life = with_a_backup().await;
    life.connected = false;
    life.restore().await;
    // The directory's numbers are beyond the replica's again.
    for _ in 0..40 {
        life.something_happens().await;
    }
    life.goes_on(60 * SECOND, None).await;
    life.connected = true;
    life.goes_on(30 * SECOND, None).await;
    assert!(life.is_reconciled().await);
    assert_eq!(life.anew, 1);
}
