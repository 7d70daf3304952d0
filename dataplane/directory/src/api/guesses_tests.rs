use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// One of 65,536 networks.
fn botnet(index: u32) -> IpAddr {
    IpAddr::V4((0x0a00_0001 + (index << 8)).into())
}

/// So many wrong guesses about `thing`, each from a network of its own.
fn from_everywhere(guesses: &mut Guesses<&'static str>, count: u32, now: Instant) {
    for index in 0..count {
        let _ = guesses.wrong(botnet(index), Some(&"m"), now);
    }
}

/// All of them wrong; says how many were looked at.
fn guess_often(guesses: &mut Guesses<&'static str>, address: IpAddr, now: Instant) -> u32 {
    let mut looked_at = 0;
    while guesses.wrong(address, Some(&"m"), now).is_ok() {
        looked_at += 1;
    }
    looked_at
}

#[test]
fn some_mistakes_are_free_and_then_each_one_takes_its_time() {
    let (mut guesses, start) = (Guesses::new(), Instant::now());
    let address = ip("192.0.2.1");
    for guess in 1..=ADDRESS.free {
        assert_eq!(guesses.allow(address, Some(&"m"), start), Ok(()));
        let last = guesses.wrong(address, Some(&"m"), start);
        assert_eq!(last, Ok(guess == ADDRESS.free), "one line in the log");
    }
    assert_eq!(guesses.allow(address, Some(&"m"), start), Err(ADDRESS.each));
    assert_eq!(
        guesses.allow(address, Some(&"other"), start),
        Err(ADDRESS.each)
    );
    assert_eq!(guesses.allow(address, None, start), Err(ADDRESS.each));
    assert_eq!(guesses.allow(ip("192.0.2.2"), Some(&"m"), start), Ok(()));
    let later = start + ADDRESS.each;
    assert_eq!(guesses.allow(address, Some(&"m"), later), Ok(()));
    assert_eq!(guesses.wrong(address, Some(&"m"), later), Ok(true));
    assert!(guesses.allow(address, Some(&"m"), later).is_err());
}

/// All of them come before the first is known to be wrong.
#[test]
fn of_guesses_that_are_looked_at_at_once_no_more_are_told() {
    let (mut guesses, start) = (Guesses::new(), Instant::now());
    let address = ip("192.0.2.1");
    for _ in 0..100 {
        assert_eq!(guesses.allow(address, Some(&"ada"), start), Ok(()));
    }
    let told = (0..99).filter(|_| guesses.wrong(address, Some(&"ada"), start).is_ok());
    assert_eq!(told.count(), ADDRESS.free as usize);
    let right = guesses.right(address, &"ada", start);
    assert_eq!(right, Err(ADDRESS.each), "nor that one of them was right");
    assert!(!guesses.known.has_any(&resident(address, &"ada"), start));
}

#[test]
fn of_an_office_whose_people_all_sign_in_at_once_nobody_has_guessed_wrong() {
    let (mut guesses, start) = (Guesses::new(), Instant::now());
    from_everywhere(&mut guesses, OF_GUESSERS, start);
    for _ in 0..100 {
        assert_eq!(guesses.right(ip("192.0.2.1"), &"m", start), Ok(()));
    }
    assert!(!guesses.addresses.has_any(&ip("192.0.2.1"), start));
}

#[test]
fn a_day_of_guessing_from_one_household_comes_to_few_guesses() {
    let (mut guesses, start) = (Guesses::new(), Instant::now());
    let mut looked_at = 0;
    for second in 0..86_400 {
        let now = start + Duration::from_secs(second);
        looked_at += guess_often(&mut guesses, ip("2001:db8::1"), now);
    }
    assert!((2_880..=2_900).contains(&looked_at), "{looked_at}");
}

/// The figures of docs/security.md: a thousand on top on the first day, and half of a million
/// codes of six digits after 173 days.
#[test]
fn a_day_of_guessing_from_ever_new_addresses_comes_to_few_guesses_about_one_meeting() {
    let (mut guesses, start) = (Guesses::new(), Instant::now());
    let (mut looked_at, mut address) = (0, 0);
    let mut guess_for_a_day = |day: u64| {
        let before = looked_at;
        for step in 0..8_640 {
            let now = start + Duration::from_secs(day * 86_400 + 10 * step);
            // A new one of them each time, as far as they go; and new ones of one /48.
            for _ in 0..10 {
                address += 1;
                looked_at += guess_often(&mut guesses, botnet(address % 65_536), now);
                let neighbour = format!("2001:db8:0:{:x}::1", address % 65_536);
                looked_at += guess_often(&mut guesses, ip(&neighbour), now);
            }
        }
        looked_at - before
    };
    let (first, second) = (guess_for_a_day(0), guess_for_a_day(1));
    assert!((3_870..=3_880).contains(&first), "{first}");
    assert!((2_870..=2_881).contains(&second), "{second}");
    let a_day = 86_400 / THING.each.as_secs();
    assert_eq!((500_000 - u64::from(THING.free)) / a_day, 173, "days");
}

#[test]
fn many_addresses_of_one_household_are_one() {
    let (mut guesses, start) = (Guesses::<&str>::new(), Instant::now());
    for host in 0..ADDRESS.free {
        let told = guesses.wrong(ip(&format!("2001:db8::{host:x}")), None, start);
        assert!(told.is_ok());
    }
    assert!(guesses.allow(ip("2001:db8::ffff"), None, start).is_err());
    assert!(guesses.allow(ip("2001:db8:0:1::1"), None, start).is_ok());
}

#[test]
fn many_households_of_one_network_lock_out_nobody_who_comes_from_elsewhere() {
    let of_ipv6 = (0..10_000).map(|house| ip(&format!("2001:db8:0:{house:x}::1")));
    let of_ipv4 = (0..256).map(|host| ip(&format!("203.0.113.{host}")));
    for network in [of_ipv6.collect::<Vec<_>>(), of_ipv4.collect()] {
        let (mut guesses, start) = (Guesses::new(), Instant::now());
        let guess = |address| guess_often(&mut guesses, address, start);
        assert_eq!(network.into_iter().map(guess).sum::<u32>(), OF_GUESSERS);
        for elsewhere in ["2001:db8:1::1", "192.0.2.1"] {
            let came = guesses.allow(ip(elsewhere), Some(&"m"), start);
            assert_eq!(came, Ok(()));
        }
    }
}

/// Each guesses as often as it may, for a day.
#[test]
fn three_hundred_networks_lock_out_nobody_who_comes_new() {
    let (mut guesses, start) = (Guesses::new(), Instant::now());
    for minute in 0..1_440 {
        let now = start + Duration::from_mins(minute);
        for index in 0..300 {
            guess_often(&mut guesses, botnet(index), now);
        }
        assert_eq!(guesses.allow(ip("192.0.2.1"), Some(&"m"), now), Ok(()));
    }
}

#[test]
fn who_mistypes_where_strangers_guess_may_try_again() {
    let (mut guesses, start) = (Guesses::new(), Instant::now());
    from_everywhere(&mut guesses, OF_GUESSERS, start);
    let honest = ip("192.0.2.1");
    assert_eq!(guess_often(&mut guesses, honest, start), GUESSER.free);
    let other = guesses.allow(honest, Some(&"other"), start);
    assert_eq!(other, Ok(()), "it is about that meeting");
}

#[test]
fn thousands_of_networks_do_not_lock_out_who_was_right_before() {
    let (mut guesses, start) = (Guesses::new(), Instant::now());
    let (regular, stranger) = (ip("192.0.2.1"), ip("198.51.100.1"));
    assert_eq!(guesses.right(regular, &"m", start), Ok(()));
    from_everywhere(&mut guesses, 5_000, start);
    assert!(guesses.allow(stranger, Some(&"m"), start).is_err());
    assert_eq!(guesses.allow(stranger, Some(&"other"), start), Ok(()));
    assert_eq!(guesses.allow(regular, Some(&"m"), start), Ok(()));
    // Nor do their neighbours, a campus of which somebody guesses without an end.
    let neighbours = (2..200).map(|host| ip(&format!("192.0.2.{host}")));
    for neighbour in neighbours {
        guess_often(&mut guesses, neighbour, start);
    }
    assert_eq!(guesses.allow(regular, Some(&"m"), start), Ok(()));
    // To guess is another matter.
    assert_eq!(guess_often(&mut guesses, regular, start), ADDRESS.free);
}
