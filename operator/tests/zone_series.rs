//! What Prometheus sees of a zone while a replica leads, and what remains of it: nothing.

// The lint knows #[test] functions, not the helpers of a test.
#![allow(clippy::unwrap_used)]

mod api_server;

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::Api;
use kube::api::{Patch, PatchParams};
use plenum_crds::MeetingZone;
use plenum_operator::context::{Context, Image};
use plenum_operator::lease::Candidate;
use plenum_operator::metrics::Metrics;
use plenum_operator::zone;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use api_server::ApiServer;

const ZONE: &str = "/apis/plenum.dev/v1alpha1/namespaces/n/meetingzones/z";
const READY: &str = r#"plenum_operator_zone_ready{namespace="n",zone="z"} "#;
const ENDS: &str =
    r#"plenum_operator_zone_certificate_expiration_timestamp_seconds{namespace="n",zone="z"} "#;

/// A replica that leads until it is told to stop.
struct Leader {
    metrics: Arc<Metrics>,
    stop: CancellationToken,
    leads: JoinHandle<()>,
}

impl Leader {
    fn of(server: &ApiServer) -> Self {
        let (metrics, stop) = (Arc::new(Metrics::default()), CancellationToken::new());
        let candidate = Candidate::new(server.client(), "n", "l", "me");
        let image = Image {
            name: "plenum:1".into(),
            ..Image::default()
        };
        let (client, fence) = (server.client(), candidate.fence());
        let context = Context::new(client, fence, metrics.clone(), "me", image);
        let stopped = stop.clone();
        let leads = async move {
            candidate
                .lead(&stopped, |term| zone::run(context.clone(), term))
                .await;
        };
        Self {
            metrics,
            stop,
            leads: tokio::spawn(leads),
        }
    }

    fn value(&self, series: &str) -> Option<i64> {
        let text = self.metrics.text();
        let value = text.lines().find_map(|line| line.strip_prefix(series));
        value.map(|value| value.parse().unwrap())
    }

    async fn until(&self, holds: impl Fn(&Self) -> bool) {
        let looking = async {
            while !holds(self) {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let looked = timeout(Duration::from_mins(1), looking).await;
        assert!(looked.is_ok(), "{}", self.metrics.text());
    }
}

fn a_zone() -> ApiServer {
    let zone = json!({
        "apiVersion": "plenum.dev/v1alpha1", "kind": "MeetingZone", "spec": {},
        "metadata": {"name": "z", "namespace": "n", "uid": "z", "generation": 1},
    });
    ApiServer::that_applies(&[(ZONE, zone)])
}

#[tokio::test]
async fn the_leader_tells_whether_a_zone_is_ready_and_until_when_its_certificate_holds() {
    let leader = Leader::of(&a_zone());
    leader.until(|it| it.value(ENDS).is_some()).await;
    assert_eq!(leader.value(READY), Some(0), "no controller runs here");
    let ends = Timestamp::from_second(leader.value(ENDS).unwrap()).unwrap();
    let left = ends.duration_since(Timestamp::now());
    let day = SignedDuration::from_hours(24);
    assert!(left > day * 89 && left <= day * 90, "{left}");

    leader.stop.cancel();
    leader.leads.await.unwrap();
    let text = leader.metrics.text();
    assert!(!text.contains(r#"zone="z""#), "{text}");
}

#[tokio::test]
async fn nobody_waits_for_a_zone_that_is_being_deleted() {
    let server = a_zone();
    let leader = Leader::of(&server);
    leader.until(|it| it.value(READY).is_some()).await;
    let zones = Api::<MeetingZone>::namespaced(server.client(), "n");
    let deleted = json!({"metadata": {"deletionTimestamp": Timestamp::now()}});
    let patch = Patch::Merge(deleted);
    zones
        .patch("z", &PatchParams::default(), &patch)
        .await
        .unwrap();
    leader.until(|it| it.value(READY).is_none()).await;
    assert_eq!(leader.value(ENDS), None);
    leader.stop.cancel();
    leader.leads.await.unwrap();
}
