//! Meetings that were ended in the directory: who is put out, and who does not come in.

mod support;

use plenum_wire::directory::EndedMeeting;
use plenum_wire::join::Refusal;
use plenum_wire::ticket::IDENTITY_S;
use plenum_zone::{Event, Order};
use support::{Zone, at, meeting, millis, moving, seconds};

/// When the meeting was ended.
const END: u64 = 5_000;

impl Zone {
    fn ended(&mut self, name: &str, at: u64) {
        let meeting = meeting(name);
        self.handle(Event::MeetingsEnded(vec![EndedMeeting { meeting, at }]));
    }

    fn join_vouched(&mut self, name: &str, who: &str, at: u64) -> Result<String, Refusal> {
        self.vouched = at;
        self.join(name, who)
    }
}

fn puts_out(router: &str, name: &str) -> (String, Order) {
    let order = Order::End {
        meeting: meeting(name),
        at: END,
    };
    (router.to_owned(), order)
}

#[test]
fn the_routers_that_have_it_are_told_once() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100), ("c", 100)]);
    zone.hosts("a", 100, vec![at("standup", 3)]);
    zone.hosts("b", 100, vec![at("standup", 1), at("retro", 2)]);
    zone.orders();
    zone.ended("standup", END);
    assert_eq!(
        zone.orders(),
        [puts_out("a", "standup"), puts_out("b", "standup")]
    );
    // Directories repeat themselves.
    zone.ended("standup", END);
    assert_eq!(zone.orders(), []);
}

#[test]
fn who_was_let_in_before_it_does_not_come_in_and_who_was_after_does() {
    let mut zone = Zone::with(&[("a", 100)]);
    zone.ended("standup", END);
    let mut join = |name: &str, at| zone.join_vouched(name, "ann", at);
    assert_eq!(join("standup", END), Err(Refusal::MeetingEnded));
    assert_eq!(join("standup", END + 1), Ok("a".to_owned()));
    assert_eq!(join("retro", END), Ok("a".to_owned()));
}

#[test]
fn the_later_of_two_ends_counts() {
    let mut zone = Zone::with(&[("a", 100)]);
    for at in [END, END + 9, END + 3] {
        zone.ended("standup", at);
    }
    let late = zone.join_vouched("standup", "ann", END + 9);
    assert_eq!(late, Err(Refusal::MeetingEnded));
}

#[test]
fn a_router_that_somebody_is_on_the_way_to_is_told_too() {
    let mut zone = Zone::with(&[("a", 100)]);
    assert!(zone.join("standup", "ann").is_ok());
    zone.ended("standup", END);
    assert_eq!(zone.orders(), [puts_out("a", "standup")]);
}

#[test]
fn both_routers_of_a_move_are_told() {
    let mut zone = Zone::with(&[("a", 100), ("b", 100)]);
    zone.hosts("a", 100, vec![at("standup", 3)]);
    zone.operator(&["a"]);
    zone.hosts("a", 100, vec![moving("standup", 3, "b")]);
    zone.orders();
    zone.ended("standup", END);
    assert_eq!(
        zone.orders(),
        [puts_out("a", "standup"), puts_out("b", "standup")]
    );
}

/// Another controller that had not heard of the end sent somebody there.
#[test]
fn a_router_that_says_somebody_is_there_after_all_is_told_again() {
    let mut zone = Zone::with(&[("a", 100)]);
    zone.ended("standup", END);
    zone.pass(seconds(600));
    zone.orders();
    zone.hosts("a", 100, vec![at("standup", 1)]);
    assert_eq!(zone.orders(), [puts_out("a", "standup")]);
}

/// A controller that has just started hears of the end first, or of the meeting.
#[test]
fn a_router_that_connects_with_it_is_told() {
    let mut zone = Zone::new();
    zone.ended("standup", END);
    zone.connect("a");
    zone.hosts("a", 100, vec![at("standup", 2), at("retro", 2)]);
    assert_eq!(zone.orders(), [puts_out("a", "standup")]);
}

#[test]
fn it_is_remembered_for_as_long_as_a_ticket_brings_anybody_back() {
    let mut zone = Zone::with(&[("a", 100)]);
    zone.ended("standup", END);
    zone.now += millis(IDENTITY_S * 1_000 - 1);
    zone.ended("retro", END);
    let told = zone.join_vouched("standup", "ann", END);
    assert_eq!(told, Err(Refusal::MeetingEnded));
    zone.now += millis(1);
    zone.ended("retro", END);
    let told = zone.join_vouched("standup", "ann", END);
    assert_ne!(told, Err(Refusal::MeetingEnded));
}
