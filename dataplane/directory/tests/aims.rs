//! When a bench fails.

#[path = "../benches/measuring/aims.rs"]
mod aims;

use std::process::ExitCode;

use aims::{Row, verdict};

fn is(rows: &[Row]) -> String {
    format!("{:?}", verdict(rows))
}

#[test]
fn a_bench_fails_where_one_aim_is_missed() {
    let [good, bad] = [ExitCode::SUCCESS, ExitCode::FAILURE].map(|code| format!("{code:?}"));
    let fast = || Row::at_least("joins", 5_000.0, 5_000.0, "/s");
    let soon = || Row::at_most("p99", 10.0, 10.0, " ms");
    assert_eq!(is(&[fast(), soon()]), good);
    let slow = Row::at_least("joins", 4_999.0, 5_000.0, "/s");
    assert_eq!(is(&[slow, soon()]), bad);
    let late = Row::at_most("p99", 10.1, 10.0, " ms");
    assert_eq!(is(&[fast(), late]), bad);
}

#[test]
fn what_could_not_be_measured_is_missed() {
    assert!(!Row::at_least("joins", f64::NAN, 1.0, "/s").holds());
    assert!(!Row::at_most("p99", f64::NAN, 10.0, " ms").holds());
}
