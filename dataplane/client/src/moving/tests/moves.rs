//! From one router to another, make before break.

use super::*;

#[test]
fn a_move_is_make_before_break() {
    let mut me = Participant::on("a");
    me.input(Input::Migrate(LegId(0), offer("b")));
    assert!(matches!(
        &me.done()[..],
        [Output::Tell(News::MoveStarted { to }), Output::Open { leg: LegId(1), moved_from: Some(from), .. }]
        if *to == router("b") && *from == router("a")
    ));
    me.input(Input::Complete(LegId(1)));
    let moved = FromClient::Moved { to: router("b") };
    assert_eq!(me.done(), [Output::Say(LegId(0), moved)]);
    me.input(Input::Release(LegId(0), router("b")));
    assert_eq!(me.done(), [close(0, true), ended(true, "b")]);
    assert_eq!(me.moving.router(), Some(&router("b")));
}

#[test]
fn a_move_that_is_off_leaves_everything_as_it_was() {
    let mut me = Participant::moving();
    me.input(Input::Complete(LegId(1)));
    me.done();
    me.input(Input::Stay(LegId(0), router("b")));
    assert_eq!(me.done(), [close(1, true), ended(false, "a")]);
    assert_eq!(me.moving.router(), Some(&router("a")));
}

#[test]
fn a_release_to_a_router_that_does_not_work_yet_is_not_obeyed() {
    let mut me = Participant::moving();
    me.input(Input::Release(LegId(0), router("b")));
    assert_eq!(me.done(), []);
}

#[test]
fn a_new_router_that_fails_is_told_to_the_old_one() {
    let mut me = Participant::moving();
    me.input(Input::Died(LegId(1), broke()));
    assert!(matches!(
        &me.done()[..],
        [
            Output::Say(LegId(0), FromClient::MoveFailed { .. }),
            Output::Close { leg: LegId(1), .. },
            Output::Tell(News::MoveEnded { ok: false, .. })
        ]
    ));
}

#[test]
fn a_new_router_that_never_answers_is_given_up() {
    let mut me = Participant::moving();
    let due = me.moving.next_timeout().unwrap();
    assert_eq!(due, me.now + OPEN_WITHIN);
    me.moving.handle_timeout(due);
    let outputs = me.done();
    assert!(matches!(
        outputs[0],
        Output::Say(LegId(0), FromClient::MoveFailed { .. })
    ));
    assert_eq!(outputs[1..], [close(1, true), ended(false, "a")]);
}

#[test]
fn the_old_router_dying_after_the_new_one_works_is_no_loss() {
    let mut me = Participant::moving();
    me.input(Input::Complete(LegId(1)));
    me.done();
    me.input(Input::Died(LegId(0), broke()));
    assert_eq!(me.done(), [close(0, false), ended(true, "b")]);
}

#[test]
fn the_old_router_dying_earlier_leaves_the_new_one_to_come_back_on() {
    let mut me = Participant::moving();
    me.input(Input::Died(LegId(0), broke()));
    assert!(
        matches!(&me.done()[..], [c, e, Output::Tell(News::Reconnecting { .. })]
        if *c == close(0, false) && *e == ended(false, "a"))
    );
    me.input(Input::Complete(LegId(1)));
    let back = News::Reconnected {
        router: router("b"),
    };
    assert_eq!(me.done(), [Output::Tell(back)]);
}

#[test]
fn a_migrate_to_where_one_is_or_as_somebody_else_is_refused() {
    for mut wrong in [offer("a"), offer("b")] {
        if wrong.router == router("b") {
            wrong.participant = "somebody-else".parse().unwrap();
        }
        let mut me = Participant::on("a");
        me.input(Input::Migrate(LegId(0), wrong));
        assert!(matches!(
            &me.done()[..],
            [Output::Say(LegId(0), FromClient::MoveFailed { .. })]
        ));
    }
}

#[test]
fn leaving_says_goodbye_to_both_routers() {
    let mut me = Participant::moving();
    me.input(Input::Leave);
    let left = Output::Tell(News::Ended(Ending::Left));
    assert_eq!(me.done(), [close(0, true), close(1, true), left]);
}
