//! The router is gone: back on another one, as the same participant.

use super::*;

#[test]
fn a_dead_router_is_left_for_another_as_the_same_participant() {
    let mut me = Participant::on("a");
    me.input(Input::Died(LegId(0), broke()));
    let outputs = me.done();
    let [
        _,
        Output::Tell(News::Reconnecting { .. }),
        Output::Ask { request, at, .. },
    ] = &outputs[..]
    else {
        panic!("{outputs:?}")
    };
    assert_eq!(request.participant.as_ref().unwrap().as_str(), "me");
    assert_eq!(request.ticket.as_deref(), Some("ticket for a"));
    assert_eq!(request.exclude, [router("a")]);
    assert!(*at <= me.now + Duration::from_millis(50));
    me.input(Input::Answer(Ok(offer("b"))));
    me.input(Input::Complete(LegId(1)));
    assert!(me.done().contains(&Output::Tell(News::Reconnected {
        router: router("b")
    })));
}

#[test]
fn who_was_in_and_finds_no_room_to_come_back_to_hears_that_it_is_full() {
    let mut me = Participant::new();
    me.input(Input::Answer(Ok(offer("a"))));
    me.input(Input::Died(LegId(0), broke()));
    me.input(Input::Answer(Ok(offer("b"))));
    me.input(Input::Complete(LegId(1)));
    me.input(Input::Died(LegId(1), broke()));
    me.done();
    me.input(Input::Answer(Err(full())));
    let over = Output::Tell(News::Ended(Ending::Failed(full())));
    assert_eq!(me.done(), [over]);
}

#[test]
fn a_meeting_that_was_ended_is_not_come_back_to() {
    let mut me = Participant::on("a");
    let cause = Cause::Said(ErrorCode::MeetingEnded, String::new());
    me.input(Input::Died(LegId(0), cause));
    let over = Output::Tell(News::Ended(Ending::MeetingEnded));
    assert_eq!(me.done(), [close(0, false), over]);
}

#[test]
fn who_hears_of_the_end_on_coming_back_was_in_a_meeting_that_ended_and_did_not_fail() {
    for told in [meeting_ended(), over()] {
        let mut me = Participant::on("a");
        me.input(Input::Died(LegId(0), broke()));
        me.done();
        me.input(Input::Answer(Err(told)));
        let ended = Output::Tell(News::Ended(Ending::MeetingEnded));
        assert_eq!(me.done(), [ended]);
    }
}

#[test]
fn replaced_by_oneself_is_the_end_and_not_a_reason_to_fight() {
    let mut me = Participant::on("a");
    let cause = Cause::Said(ErrorCode::Replaced, String::new());
    me.input(Input::Died(LegId(0), cause));
    let over = Output::Tell(News::Ended(Ending::Replaced));
    assert_eq!(me.done(), [close(0, false), over]);
}
