use super::*;

const TICK: Duration = Duration::from_millis(20);

/// Receives these packets, each 20 ms after the one before, of `sent` in all.
fn totals(numbers: &[u64], sent: u64) -> Totals {
    let mut at = Instant::now();
    let mut account = Account::new(Kind::Audio, at);
    for &number in numbers {
        at += TICK;
        account.receive(number, at);
    }
    account.close(sent)
}

#[test]
fn nothing_lost_is_nothing_lost() {
    let all: Vec<u64> = (0..1_000).collect();
    let expected = Totals {
        expected: 1_000,
        received: 1_000,
        lost: 0,
        duplicated: 0,
    };
    assert_eq!(totals(&all, 1_000), expected);
}

#[test]
fn losses_copies_and_disorder_are_told_apart() {
    // From 10 to 19; 13 and 17 lost, 12 twice, 15 late, the last one lost.
    let numbers = [10, 11, 12, 12, 14, 16, 15, 18];
    let expected = Totals {
        expected: 10,
        received: 7,
        lost: 3,
        duplicated: 1,
    };
    assert_eq!(totals(&numbers, 20), expected);
}

#[test]
fn who_came_later_is_not_owed_what_was_before() {
    assert_eq!(totals(&[500, 501], 502).lost, 0);
}

#[test]
fn a_track_that_never_came_counts_from_half_a_second_on() {
    let start = Instant::now();
    let mut account = Account::new(Kind::Audio, start);
    account.observe(0, start);
    account.observe(24, start + Duration::from_millis(480));
    account.observe(25, start + Duration::from_millis(500));
    account.observe(30, start + Duration::from_millis(600));
    let totals = account.close(125);
    assert_eq!((totals.expected, totals.lost), (100, 100));
}

#[test]
fn a_first_packet_that_came_late_hides_no_loss() {
    let start = Instant::now();
    let mut account = Account::new(Kind::Audio, start);
    account.observe(25, start + GRACE);
    account.receive(100, start + Duration::from_secs(2));
    let totals = account.close(101);
    assert_eq!((totals.expected, totals.lost), (76, 75));
}

#[test]
fn a_track_that_ended_within_the_grace_owes_nothing() {
    assert_eq!(totals(&[], 10), Totals::default());
}

#[test]
fn gaps_are_between_packets_that_go_on() {
    let start = Instant::now();
    let mut account = Account::new(Kind::Audio, start);
    let mut gap = |number, ms| {
        let gap = account.receive(number, start + Duration::from_millis(ms));
        gap.map(|gap| gap.length.as_millis())
    };
    assert_eq!(gap(0, 0), None);
    assert_eq!(gap(1, 20), Some(20));
    assert_eq!(gap(3, 75), Some(55), "one lost in between");
    assert_eq!(gap(2, 80), None, "too late to fill the silence");
    assert_eq!(gap(4, 95), Some(20));
}

/// Receives these packets while so many were sent, 20 ms apart.
fn receive(account: &mut Account, numbers: std::ops::Range<u64>, at: &mut Instant) -> u32 {
    let mut gaps = 0;
    for number in numbers {
        *at += TICK;
        account.observe(number + 1, *at);
        gaps += u32::from(account.receive(number, *at).is_some());
    }
    gaps
}

#[test]
fn what_was_not_among_the_loudest_is_neither_lost_nor_a_gap() {
    let mut at = Instant::now();
    let mut account = Account::new(Kind::Audio, at);
    assert_eq!(receive(&mut account, 0..100, &mut at), 99);
    account.heard(false, at);
    account.observe(500, at + 400 * TICK);
    at += 400 * TICK;
    account.heard(true, at);
    assert_eq!(receive(&mut account, 500..600, &mut at), 99);
    account.heard(false, at);
    let totals = account.close(10_000);
    assert_eq!((totals.expected, totals.lost), (200, 0));
}

#[test]
fn the_news_of_a_stretch_may_come_a_little_early_or_late() {
    let mut at = Instant::now();
    let mut account = Account::new(Kind::Audio, at);
    receive(&mut account, 0..100, &mut at);
    account.heard(false, at);
    // On its way when the news came.
    receive(&mut account, 100..102, &mut at);
    // Here before the news.
    receive(&mut account, 500..503, &mut at);
    account.heard(true, at);
    receive(&mut account, 503..600, &mut at);
    let totals = account.close(600);
    assert_eq!((totals.expected, totals.lost), (202, 0));
}

#[test]
fn losses_within_a_stretch_and_at_its_end_are_losses() {
    let mut at = Instant::now();
    let mut account = Account::new(Kind::Audio, at);
    account.heard(false, at);
    account.heard(true, at);
    receive(&mut account, 10..50, &mut at);
    receive(&mut account, 53..100, &mut at);
    // Then nothing for two seconds, of which the last half is not judged.
    for sent in 100..200 {
        at += TICK;
        account.observe(sent + 1, at);
    }
    account.heard(false, at);
    let totals = account.close(10_000);
    assert_eq!(totals.lost, 3 + 75);
}

#[test]
fn a_stretch_of_which_nothing_came_is_lost_but_for_the_grace() {
    let mut at = Instant::now();
    let mut account = Account::new(Kind::Audio, at);
    for sent in 0..100 {
        at += TICK;
        account.observe(sent + 1, at);
    }
    account.heard(false, at);
    assert_eq!(account.close(500).lost, 50);
    let mut account = Account::new(Kind::Audio, at);
    account.observe(100, at + TICK);
    account.heard(false, at + 2 * TICK);
    assert_eq!(account.close(500).lost, 0);
}

#[test]
fn of_what_the_routers_number_the_missing_numbers_are_lost() {
    let at = Instant::now();
    let mut account = Account::new(Kind::Video, at);
    for sequence in [65_530, 65_533, 65_531, 3, 3] {
        account.receive_routed(sequence, at);
    }
    account.heard(false, at);
    account.heard(true, at);
    account.receive_routed(4, at);
    account.receive_routed(6, at);
    let totals = account.close_routed();
    assert_eq!((totals.expected, totals.received), (13, 6));
    assert_eq!((totals.lost, totals.duplicated), (7, 1));
    assert_eq!(Account::new(Kind::Video, at).close_routed().expected, 0);
}

#[test]
fn video_has_no_audio_gaps() {
    let start = Instant::now();
    let mut account = Account::new(Kind::Video, start);
    account.receive(0, start);
    assert_eq!(account.receive(1, start + TICK), None);
}
