use super::*;

fn ms(value: u64) -> Duration {
    Duration::from_millis(value)
}

fn done(samples: &[u64]) -> Trial {
    Trial::Answered {
        first: ms(samples[0] * 3),
        samples: samples.iter().copied().map(ms).collect(),
        done: true,
    }
}

fn zone(load: f64, trial: Trial) -> Candidate {
    Candidate {
        hosts: false,
        load: Some(load),
        trials: vec![trial],
    }
}

fn hosting(candidate: Candidate) -> Candidate {
    Candidate {
        hosts: true,
        ..candidate
    }
}

/// What is offered, and in which order it is asked.
#[test]
fn the_zones_are_asked_in_this_order() {
    let steady = |rtt: u64| done(&[rtt; 4]);
    let table: Vec<(&str, Vec<Candidate>, Vec<usize>)> = vec![
        (
            "the nearest",
            vec![
                zone(0.3, steady(60)),
                zone(0.3, steady(150)),
                zone(0.3, steady(5)),
            ],
            vec![2, 0, 1],
        ),
        (
            "the nearest is full",
            vec![
                zone(0.99, steady(5)),
                zone(0.3, steady(60)),
                zone(0.3, steady(150)),
            ],
            vec![1, 2, 0],
        ),
        (
            "the nearest is nearly full",
            vec![zone(0.9, steady(5)), zone(0.3, steady(60))],
            vec![1, 0],
        ),
        (
            "a little busier does not send people to another continent",
            vec![zone(0.7, steady(20)), zone(0.1, steady(150))],
            vec![0, 1],
        ),
        (
            "of two that sound alike the emptier one",
            vec![zone(0.8, steady(2)), zone(0.1, steady(9))],
            vec![1, 0],
        ),
        (
            "a steady one before one that is faster at times",
            vec![zone(0.3, done(&[30, 80, 95, 100])), zone(0.3, steady(45))],
            vec![1, 0],
        ),
        (
            "one lost packet is no bad network",
            vec![zone(0.3, done(&[20, 21, 240, 20])), zone(0.3, steady(45))],
            vec![0, 1],
        ),
        (
            "where the meeting is, also far away and full",
            vec![zone(0.1, steady(5)), hosting(zone(1.0, steady(150)))],
            vec![1, 0],
        ),
        (
            "where the meeting is, unless it cannot be reached",
            vec![hosting(zone(0.1, Trial::Failed)), zone(0.1, steady(150))],
            vec![1],
        ),
        (
            "who has not answered is not chosen",
            vec![zone(0.1, Trial::Silent(ms(900))), zone(0.9, steady(150))],
            vec![1],
        ),
        (
            "of equals the one named first",
            vec![zone(0.3, steady(20)), zone(0.3, steady(20))],
            vec![0, 1],
        ),
        ("nobody", vec![zone(0.1, Trial::Failed)], vec![]),
    ];
    for (what, zones, expected) in table {
        assert_eq!(order(&zones), expected, "{what}");
    }
}

#[test]
fn a_zone_is_as_good_as_its_best_controller() {
    let mut two = zone(0.3, done(&[200, 200, 200]));
    two.trials.push(Trial::Failed);
    two.trials.push(done(&[10, 10, 10]));
    assert_eq!(order(&[zone(0.3, done(&[60; 4])), two]), [1, 0]);
}

#[test]
fn nonsense_about_the_load_is_like_none() {
    let at = |load| Candidate {
        hosts: false,
        load,
        trials: vec![done(&[20; 4])],
    };
    for nonsense in [f64::NAN, f64::INFINITY] {
        let score = at(Some(nonsense)).score().unwrap();
        assert_eq!(score.cost, at(None).score().unwrap().cost, "{nonsense}");
    }
    assert_eq!(at(Some(-3.0)).score(), at(Some(0.0)).score());
}

/// What has been seen, and whether more could change the choice.
#[test]
fn the_test_ends_when_the_winner_is_known() {
    let begun = |samples: &[u64]| Trial::Answered {
        first: ms(30),
        samples: samples.iter().copied().map(ms).collect(),
        done: false,
    };
    let table: Vec<(&str, Vec<Candidate>, bool)> = vec![
        ("nothing yet", vec![zone(0.3, Trial::Silent(ms(50)))], false),
        ("one zone, one answer", vec![zone(0.3, begun(&[]))], true),
        (
            "the near one is done, the far one cannot be nearer",
            vec![zone(0.3, done(&[5; 4])), zone(0.3, Trial::Silent(ms(40)))],
            true,
        ),
        (
            "the far one is done, the near one may still be",
            vec![zone(0.3, done(&[60; 4])), zone(0.3, begun(&[5]))],
            false,
        ),
        (
            "the near one is done but full",
            vec![zone(0.99, done(&[5; 4])), zone(0.3, Trial::Silent(ms(100)))],
            false,
        ),
        (
            "the others are out",
            vec![zone(0.99, begun(&[])), zone(0.3, Trial::Failed)],
            true,
        ),
        (
            "where the meeting is may still answer",
            vec![
                zone(0.3, done(&[5; 4])),
                hosting(zone(0.3, Trial::Silent(ms(400)))),
            ],
            false,
        ),
        (
            "where the meeting is has answered",
            vec![zone(0.3, begun(&[5])), hosting(zone(0.3, begun(&[])))],
            true,
        ),
        ("all failed", vec![zone(0.3, Trial::Failed)], false),
    ];
    for (what, zones, decided) in table {
        assert_eq!(is_decided(&zones), decided, "{what}");
    }
}
