//! One join is one trace, through everything that it went through, and names nobody.

use plenum_collector::{Collector, Kind, Span};

use crate::house::{House, look_up, meeting};
use crate::programs::{plenum, printed, traced};
use crate::zone::Zone;

/// Services, and what each does of a join. The router's is the last to come: it ends when the
/// client is in.
const STEPS: [(&str, &str); 8] = [
    ("plenum-join", "join"),
    ("plenum-join", "find router"),
    ("plenum-join", "lookup"),
    ("plenum-directory", "POST /v1/lookup"),
    ("plenum-join", "ask"),
    ("plenum-zc", "POST /v1/meetings/{id}/join"),
    ("plenum-join", "enter router"),
    ("plenum-mmr", "GET /v1/control"),
];

/// Those spans in one trace, once they are there.
fn steps(spans: &[Span]) -> Option<[&Span; 8]> {
    let (service, name) = STEPS[0];
    let is = |span: &&Span, service, name| span.service == service && span.name == name;
    let join = spans.iter().find(|span| is(span, service, name))?;
    let step = |(service, name)| {
        let mut trace = spans.iter().filter(|span| span.trace == join.trace);
        trace.find(|span| is(span, service, name))
    };
    let found: Option<Vec<&Span>> = STEPS.into_iter().map(step).collect();
    found?.try_into().ok()
}

#[tokio::test]
async fn a_join_is_followed_through_directory_controller_and_router() {
    let collector = Collector::start().await;
    let house = House::open_traced(collector.endpoint()).await;
    let admin = house.admin().await;
    let number = meeting(&admin).await;
    let _zone = Zone::open_traced("site.main", &house, collector.endpoint()).await;
    look_up(&house.web(), &number).await;

    let mut command = plenum(&["join", "--output", "json", "--for", "1", "--name", "Erika"]);
    command
        .args(["--directory", &house.url(), "--meeting", &number])
        .arg("--ca")
        .arg(house.authority());
    traced(&mut command, Some(collector.endpoint()));
    printed(command).await;

    let spans = collector
        .until(|spans| steps(spans).map(|found| found.map(Span::clone)))
        .await;
    let [
        join,
        finding,
        lookup,
        directory,
        ask,
        controller,
        entering,
        router,
    ] = &spans;
    assert_eq!(join.parent, [0; 0], "{join:?}");
    assert_eq!(join.attribute("zone"), Some("site.main"));
    assert_eq!(join.attribute("outcome"), Some("joined"));
    for (inner, outer) in [
        (finding, join),
        (lookup, finding),
        (directory, lookup),
        (ask, finding),
        (controller, ask),
        (entering, join),
        (router, entering),
    ] {
        assert_eq!(inner.parent, outer.id, "{} in {}", inner.name, outer.name);
    }
    for (asks, answers) in [(lookup, directory), (ask, controller), (entering, router)] {
        assert_eq!(asks.kind, Kind::Client, "{asks:?}");
        assert_eq!(answers.kind, Kind::Server, "{answers:?}");
    }
    assert_eq!(router.attribute("outcome"), Some("welcome"));
    assert_eq!(router.attribute("router"), Some("router-0"));

    let everything = format!("{:?}", collector.spans());
    for secret in [number.as_str(), "Erika", "eyJ", "Bearer"] {
        assert!(!everything.contains(secret), "{secret} is in a trace");
    }
}
