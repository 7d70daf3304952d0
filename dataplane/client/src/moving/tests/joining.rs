//! From the first question to the first router that works, or to what keeps the user out.

use super::*;

#[test]
fn who_waited_for_a_host_past_the_deadline_may_still_try_a_second_router_but_not_for_ever() {
    let mut me = Participant::new();
    me.now += Duration::from_secs(300);
    me.input(Input::Answer(Ok(offer("a"))));
    me.input(Input::Died(LegId(0), broke()));
    let asked = me.done().pop();
    let until = me.now + OPEN_WITHIN;
    assert!(
        matches!(asked, Some(Output::Ask { deadline, .. }) if deadline == until),
        "{asked:?}"
    );
    me.input(Input::Answer(Ok(offer("b"))));
    me.now = until;
    me.input(Input::Died(LegId(1), broke()));
    let ended = me.done().pop();
    assert!(
        matches!(ended, Some(Output::Tell(News::Ended(Ending::Failed(_))))),
        "{ended:?}"
    );
}

#[test]
fn a_join_asks_opens_and_is_done_when_the_leg_is_complete() {
    let mut me = Participant::new();
    assert!(matches!(&me.done()[..], [Output::Ask { request, at, .. }]
        if *at == me.now && request.participant.is_none()));
    me.input(Input::Answer(Ok(offer("a"))));
    assert!(matches!(
        &me.done()[..],
        [Output::Open {
            leg: LegId(0),
            moved_from: None,
            ..
        }]
    ));
    me.input(Input::Complete(LegId(0)));
    assert!(
        matches!(&me.done()[..], [Output::Tell(News::Joined { router: r, .. })]
        if *r == router("a"))
    );
}

#[test]
fn a_meeting_that_ends_during_the_join_refuses_for_good_whoever_says_so() {
    let mut asked = Participant::new();
    asked.input(Input::Answer(Err(meeting_ended())));
    let mut sent = Participant::new();
    sent.input(Input::Answer(Ok(offer("a"))));
    let cause = Cause::Said(ErrorCode::MeetingEnded, String::new());
    sent.input(Input::Died(LegId(0), cause));
    for mut me in [asked, sent] {
        let Some(Output::Tell(News::Ended(ending))) = me.done().pop() else {
            panic!("it goes on")
        };
        let error = ending.of_join(&"meeting".parse().unwrap());
        assert_eq!(error.exit_status(), crate::error::exit::REFUSED);
        let told = error.to_string();
        let sentence = "cannot join meeting meeting: the meeting was ended. ";
        assert!(told.starts_with(sentence), "{told}");
    }
}

#[test]
fn a_router_that_refuses_is_excluded_for_two_seconds() {
    let mut me = Participant::new();
    me.input(Input::Answer(Ok(offer("a"))));
    me.done();
    let full = Cause::Said(ErrorCode::RouterFull, "the router is full".to_owned());
    me.input(Input::Died(LegId(0), full.clone()));
    assert!(matches!(&me.done()[..], [_, Output::Ask { request, .. }]
        if request.exclude == [router("a")]));
    me.input(Input::Answer(Ok(offer("b"))));
    me.now += Duration::from_millis(2_100);
    me.input(Input::Died(LegId(1), full));
    assert!(matches!(&me.done()[..], [_, _, Output::Ask { request, .. }]
        if request.exclude == [router("b")]));
}

#[test]
fn a_join_whose_time_is_up_says_which_router_failed() {
    let mut me = Participant::new();
    me.input(Input::Answer(Ok(offer("a"))));
    me.now += Duration::from_secs(16);
    me.done();
    me.input(Input::Died(LegId(0), broke()));
    let outputs = me.done();
    assert!(
        matches!(&outputs[..], [_, Output::Tell(News::Ended(Ending::Failed(
        JoinError::RouterUnreachable { router, .. })))] if router == "a"),
        "{outputs:?}"
    );
}

/// How a first join ends whose only router died like this, so that the zone has no other.
fn ending_after(cause: Cause) -> JoinError {
    let mut me = Participant::new();
    me.input(Input::Answer(Ok(offer("a"))));
    me.input(Input::Died(LegId(0), cause));
    me.done();
    me.input(Input::Answer(Err(full())));
    let mut outputs = me.done();
    match outputs.pop() {
        Some(Output::Tell(News::Ended(Ending::Failed(error)))) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_zone_whose_only_router_cannot_be_reached_is_not_full() {
    let error = ending_after(broke());
    assert!(
        matches!(&error, JoinError::RouterUnreachable { router, reason }
            if router == "a" && reason == "the connection ended"),
        "{error}"
    );
}

#[test]
fn a_zone_whose_only_router_has_no_room_is_full() {
    for code in [
        ErrorCode::RouterFull,
        ErrorCode::RouterDraining,
        ErrorCode::RouterOverloaded,
    ] {
        let error = ending_after(Cause::Said(code, "no room".to_owned()));
        assert_eq!(error, full());
    }
}

#[test]
fn a_router_that_lets_nobody_in_is_given_up() {
    let mut me = Participant::new();
    me.input(Input::Answer(Ok(offer("a"))));
    me.done();
    me.moving.handle_timeout(me.now + OPEN_WITHIN);
    assert!(matches!(&me.done()[..], [c, Output::Ask { request, .. }]
        if *c == close(0, false) && request.exclude == [router("a")]));
}
