use std::net::Ipv4Addr;

use plenum_wire::join::Endpoint;
use plenum_wire::{Fingerprint, FlowId, Flows};
use proptest::prelude::*;

use super::*;

fn offer(router: &str) -> Box<Offer> {
    let flow = FlowId::new(1).unwrap();
    Box::new(Offer {
        meeting: "meeting".parse().unwrap(),
        participant: "me".parse().unwrap(),
        router: router.parse().unwrap(),
        endpoint: Endpoint {
            addresses: vec![Ipv4Addr::LOCALHOST.into()],
            https_port: 443,
            media_port: 8801,
            fingerprint: Fingerprint([0; 32]),
        },
        flows: Flows {
            audio: flow,
            video: flow,
            content: flow,
        },
        ticket: format!("ticket for {router}"),
    })
}

fn router(name: &str) -> RouterId {
    name.parse().unwrap()
}

struct Participant {
    moving: Moving,
    now: Instant,
}

impl Participant {
    fn new() -> Self {
        let now = Instant::now();
        let deadline = now + Duration::from_secs(15);
        Self {
            moving: Moving::new(now, deadline, 1),
            now,
        }
    }

    fn on(name: &str) -> Self {
        let mut me = Self::new();
        me.input(Input::Answer(Ok(offer(name))));
        me.input(Input::Complete(LegId(0)));
        me.done();
        me
    }

    /// On `a`, with the second leg to `b` open.
    fn moving() -> Self {
        let mut me = Self::on("a");
        me.input(Input::Migrate(LegId(0), offer("b")));
        me.done();
        me
    }

    fn input(&mut self, input: Input) {
        self.moving.handle(input, self.now);
    }

    fn done(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.moving.poll()).collect()
    }
}

fn broke() -> Cause {
    Cause::Broke("the connection ended".to_owned())
}

fn close(leg: u32, bye: bool) -> Output {
    Output::Close {
        leg: LegId(leg),
        bye,
    }
}

fn ended(ok: bool, name: &str) -> Output {
    let router = router(name);
    Output::Tell(News::MoveEnded { ok, router })
}

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

fn full() -> JoinError {
    let code = plenum_wire::join::Refusal::ZoneFull;
    let problem = plenum_wire::join::Problem {
        title: code.to_string(),
        status: code.status(),
        code,
        detail: String::new(),
    };
    JoinError::refused(
        &"meeting".parse().unwrap(),
        problem,
        9,
        Duration::from_secs(15),
    )
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
fn a_router_that_lets_nobody_in_is_given_up() {
    let mut me = Participant::new();
    me.input(Input::Answer(Ok(offer("a"))));
    me.done();
    me.moving.handle_timeout(me.now + OPEN_WITHIN);
    assert!(matches!(&me.done()[..], [c, Output::Ask { request, .. }]
        if *c == close(0, false) && request.exclude == [router("a")]));
}

#[test]
fn replaced_by_oneself_is_the_end_and_not_a_reason_to_fight() {
    let mut me = Participant::on("a");
    let cause = Cause::Said(ErrorCode::Replaced, String::new());
    me.input(Input::Died(LegId(0), cause));
    let over = Output::Tell(News::Ended(Ending::Replaced));
    assert_eq!(me.done(), [close(0, false), over]);
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

/// On `a`, in another network than before, and asking.
fn returning() -> Participant {
    let mut me = Participant::on("a");
    me.input(Input::NetworkChanged);
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
    me.input(Input::NetworkChanged);
    assert!(matches!(&me.done()[..], [c, Output::Ask { .. }] if *c == close(1, false)));

    let mut me = Participant::moving();
    me.input(Input::NetworkChanged);
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
    me.input(Input::NetworkChanged);
    assert_eq!(me.done()[..2], [close(0, true), ended(true, "b")]);
    assert_eq!(me.moving.router(), Some(&router("b")));
}

#[test]
fn in_another_network_the_router_that_was_lost_in_the_old_one_may_be_offered() {
    let mut me = Participant::on("a");
    me.input(Input::Died(LegId(0), broke()));
    me.done();
    me.input(Input::NetworkChanged);
    assert!(matches!(&me.done()[..], [Output::Ask { request, .. }]
        if request.exclude.is_empty() && request.participant.is_some()));
}

fn any_input() -> impl Strategy<Value = Input> {
    let leg = (0..6u32).prop_map(LegId);
    let name = prop::sample::select(vec!["a", "b", "c"]);
    (0..10u8, leg, name).prop_map(|(what, leg, name)| match what {
        0 | 1 => Input::Answer(Ok(offer(name))),
        2 | 3 => Input::Complete(leg),
        4 => Input::Died(leg, broke()),
        5 => Input::Migrate(leg, offer(name)),
        6 => Input::Release(leg, router(name)),
        8 => Input::Welcomed(leg),
        9 => Input::NetworkChanged,
        _ => Input::Stay(leg, router(name)),
    })
}

proptest! {
    /// Whatever comes in whatever order: at most two legs, none closed twice, starts and
    /// ends of moves in pairs, and never without a leg and without a question asked; nor is one
    /// asked while there are two legs.
    #[test]
    fn any_history_keeps_the_guarantees(inputs in prop::collection::vec(any_input(), 0..200)) {
        let mut me = Participant::new();
        let mut open = std::collections::BTreeSet::new();
        let (mut asked, mut moves) = (false, 0);
        for input in inputs {
            if matches!(input, Input::Answer(_)) {
                if !asked {
                    continue;
                }
                asked = false;
            }
            me.now += Duration::from_millis(10);
            me.moving.handle(input, me.now);
            for output in me.done() {
                match output {
                    Output::Ask { .. } => asked = true,
                    Output::Open { leg, .. } => prop_assert!(open.insert(leg)),
                    Output::Close { leg, .. } => prop_assert!(open.remove(&leg)),
                    Output::Say(leg, _) => prop_assert!(open.contains(&leg)),
                    Output::Tell(News::MoveStarted { .. }) => moves += 1,
                    Output::Tell(News::MoveEnded { .. }) => moves -= 1,
                    Output::Tell(_) => {}
                }
                prop_assert!(open.len() <= 2 && (0..=1).contains(&moves));
            }
            prop_assert!(asked || !open.is_empty(), "nothing asked, nothing open");
            prop_assert!(!asked || open.len() < 2, "asked, open {open:?}");
        }
    }
}
