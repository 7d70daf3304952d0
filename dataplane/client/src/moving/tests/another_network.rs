//! The network is another one: back, and what still works is kept until then.

use super::*;

const CHANGED: Input = Input::NetworkChanged { waits: false };

/// On `a`, in another network than before, and asking.
fn returning() -> Participant {
    let mut me = Participant::on("a");
    me.input(CHANGED);
    let outputs = me.done();
    assert!(
        matches!(&outputs[..], [Output::Tell(News::Reconnecting { .. }), Output::Ask { request, .. }]
            if request.exclude.is_empty() && request.participant.is_some()),
        "{outputs:?}"
    );
    me
}

fn back_on(name: &str) -> Output {
    let router = router(name);
    Output::Tell(News::Reconnected { router })
}

#[test]
fn in_another_network_the_old_leg_stays_until_the_same_router_lets_the_new_one_in() {
    let mut me = returning();
    me.input(Input::Answer(Ok(offer("a"))));
    assert!(matches!(
        &me.done()[..],
        [Output::Open {
            leg: LegId(1),
            moved_from: None,
            ..
        }]
    ));
    // The router tells the old leg so, or the new one first.
    me.input(Input::Welcomed(LegId(1)));
    assert_eq!(me.done(), [close(0, false)]);
    me.input(Input::Complete(LegId(1)));
    assert_eq!(me.done(), [back_on("a")]);
}

#[test]
fn being_replaced_by_oneself_in_another_network_is_expected() {
    let mut me = returning();
    me.input(Input::Answer(Ok(offer("a"))));
    me.done();
    let replaced = Cause::Said(ErrorCode::Replaced, String::new());
    me.input(Input::Died(LegId(0), replaced.clone()));
    assert_eq!(me.done(), [close(0, false)]);
    me.input(Input::Complete(LegId(1)));
    assert_eq!(me.done(), [back_on("a")]);
    // By somebody else it is not, while the zone is still asked.
    let mut me = returning();
    me.input(Input::Died(LegId(0), replaced));
    let over = Output::Tell(News::Ended(Ending::Replaced));
    assert_eq!(me.done(), [close(0, false), over]);
}

#[test]
fn another_router_is_told_goodbye_once_the_new_one_lets_us_in() {
    let mut me = returning();
    me.input(Input::Answer(Ok(offer("b"))));
    me.done();
    me.input(Input::Welcomed(LegId(1)));
    assert_eq!(me.done(), [close(0, true)]);
    assert_eq!(me.moving.router(), Some(&router("b")));
}

#[test]
fn an_old_leg_that_dies_meanwhile_is_not_waited_for() {
    let mut me = returning();
    me.input(Input::Died(LegId(0), broke()));
    assert_eq!(me.done(), [close(0, false)]);
    me.input(Input::Answer(Ok(offer("a"))));
    assert!(matches!(&me.done()[..], [Output::Open { .. }]));
    me.input(Input::Complete(LegId(1)));
    assert_eq!(me.done(), [back_on("a")]);
}

#[test]
fn a_new_leg_that_dies_is_tried_again_and_the_old_one_kept() {
    let mut me = returning();
    me.input(Input::Answer(Ok(offer("a"))));
    me.done();
    me.input(Input::Died(LegId(1), broke()));
    assert!(matches!(&me.done()[..], [c, Output::Ask { request, .. }]
        if *c == close(1, false) && request.exclude.is_empty()));
    me.input(Input::Answer(Err(full())));
    assert_eq!(me.done(), [back_on("a")]);
}

#[test]
fn a_second_change_begins_anew_and_so_does_one_in_the_middle_of_a_move() {
    let mut me = returning();
    me.input(Input::Answer(Ok(offer("a"))));
    me.done();
    me.input(CHANGED);
    assert!(matches!(&me.done()[..], [c, Output::Ask { .. }] if *c == close(1, false)));

    let mut me = Participant::moving();
    me.input(CHANGED);
    let outputs = me.done();
    assert!(
        matches!(
            &outputs[..],
            [
                Output::Say(LegId(0), FromClient::MoveFailed { .. }),
                Output::Close { leg: LegId(1), .. },
                Output::Tell(News::MoveEnded { ok: false, .. }),
                Output::Tell(News::Reconnecting { .. }),
                Output::Ask { .. }
            ]
        ),
        "{outputs:?}"
    );

    let mut me = Participant::moving();
    me.input(Input::Complete(LegId(1)));
    me.done();
    me.input(CHANGED);
    assert_eq!(me.done()[..2], [close(0, true), ended(true, "b")]);
    assert_eq!(me.moving.router(), Some(&router("b")));
}

#[test]
fn in_another_network_the_router_that_was_lost_in_the_old_one_may_be_offered() {
    let mut me = Participant::on("a");
    me.input(Input::Died(LegId(0), broke()));
    me.done();
    me.input(CHANGED);
    assert!(matches!(&me.done()[..], [Output::Ask { request, .. }]
        if request.exclude.is_empty() && request.participant.is_some()));
}

/// How long may be tried from the next network, five minutes later.
fn until(me: &mut Participant, changed: Input) -> Duration {
    me.done();
    me.now += Duration::from_secs(300);
    asked_until(me, changed)
}

fn asked_until(me: &mut Participant, changed: Input) -> Duration {
    me.input(changed);
    let asked = me.done().into_iter().find_map(|output| match output {
        Output::Ask { deadline, .. } => Some(deadline),
        _ => None,
    });
    asked.unwrap().saturating_duration_since(me.now)
}

const WAITS: Input = Input::NetworkChanged { waits: true };

#[test]
fn who_waits_for_a_host_has_as_long_from_another_network_as_a_join_may_take() {
    let mut new = Participant::new();
    assert_eq!(until(&mut new, WAITS), Duration::from_secs(15));
    let mut back = Participant::on("a");
    back.input(Input::Died(LegId(0), broke()));
    assert_eq!(until(&mut back, WAITS), Duration::from_secs(60));
    let patient = until(&mut back, CHANGED);
    assert_eq!(patient, Duration::ZERO, "nobody asked for patience");
}

#[test]
fn whom_a_host_has_just_let_in_has_that_time_too() {
    let mut new = Participant::new();
    new.done();
    new.now += Duration::from_secs(300);
    new.input(Input::Answer(Ok(offer("a"))));
    new.done();
    new.now += Duration::from_secs(5);
    assert_eq!(asked_until(&mut new, WAITS), Duration::from_secs(15));
    // Who had nobody to wait for has what is left of the time that was set.
    let mut late = Participant::new();
    late.done();
    late.now += Duration::from_secs(14);
    late.input(Input::Answer(Ok(offer("a"))));
    late.done();
    assert_eq!(asked_until(&mut late, CHANGED), Duration::from_secs(1));
}

#[test]
fn who_waits_for_a_host_on_the_way_back_has_that_time_from_a_third_network_on() {
    let mut me = returning();
    assert_eq!(until(&mut me, WAITS), Duration::from_secs(60));
}
