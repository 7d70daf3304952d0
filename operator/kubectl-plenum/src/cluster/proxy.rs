//! Pods, asked through the API server: nothing else needs to reach them.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use http_body_util::{BodyExt as _, Limited};
use k8s_openapi::api::core::v1::Pod;
use kube::client::Body;
use plenum_crds::labels;
use plenum_wire::whereabouts::{PATH, Whereabouts};

use super::trouble::{self, trouble};
use super::{AT_ONCE, Cluster};
use crate::exposition::Page;
use crate::meetings::Answer;
use crate::snapshot::{Name, Snapshot, Trouble, health_port, is_ready, label};

/// A page of metrics has some 20 kB, the meetings of a large zone 2 MB.
const LARGEST: usize = 8 << 20;
/// For one pod: it answers at once, or something is wrong.
const PATIENCE: Duration = Duration::from_secs(3);
/// For all of them: some who hang must not keep a person waiting.
const ALTOGETHER: Duration = Duration::from_secs(20);

impl Cluster {
    /// What a pod says at a path of its health port.
    pub(super) async fn ask(&self, pod: &Pod, path: &str) -> Result<String, Trouble> {
        let name = Name::of(pod);
        let Some(port) = health_port(pod) else {
            let what = format!("could not ask {name} for {path}: it has no port called health");
            return Err(trouble(what, "kubectl plenum doctor"));
        };
        let asked = self.fetch(&name, port, path);
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(trouble(
                format!(
                    "could not ask {name} for {path}: no answer within {} s",
                    PATIENCE.as_secs()
                ),
                "does a NetworkPolicy or firewall keep the API server from the pod's health port?",
            )),
        }
    }

    async fn fetch(&self, name: &Name, port: u16, path: &str) -> Result<String, Trouble> {
        let Name {
            namespace,
            name: pod,
        } = name;
        let uri = format!("/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy{path}");
        let doing = format!("ask {name} for {path}");
        let request = http::Request::get(uri).body(Body::empty());
        let request = request
            .map_err(|why| trouble(format!("could not {doing}: {why}"), "check the names"))?;
        let response = self.client.send(request).await;
        let response = response.map_err(|error| trouble::of(&doing, &error))?;
        let code = response.status();
        let body = Limited::new(response.into_body(), LARGEST).collect().await;
        let body = body
            .map_err(|why| trouble(format!("could not {doing}: {why}"), "try again"))?
            .to_bytes();
        if !code.is_success() {
            return Err(trouble::proxied(name, path, code.as_u16(), &body));
        }
        String::from_utf8(body.into()).map_err(|_| {
            trouble(
                format!("could not {doing}: the answer is no text"),
                "upgrade the zone",
            )
        })
    }

    /// Adds the figures of each router that answers, and why the others do not; only of one zone,
    /// where it is named.
    pub async fn ask_routers(&self, seen: &mut Snapshot, zone: Option<&str>) {
        let asked = |pod: &&Pod| {
            is_ready(pod)
                && label(*pod, labels::APP_COMPONENT) == Some(labels::COMPONENT_ROUTER)
                && zone.is_none_or(|zone| label(*pod, labels::ZONE) == Some(zone))
        };
        let answers = stream::iter(seen.pods.items.iter().filter(asked))
            .map(|pod| async move { (Name::of(pod), self.ask(pod, "/metrics").await) })
            .buffer_unordered(AT_ONCE)
            .take_until(tokio::time::sleep(ALTOGETHER));
        tokio::pin!(answers);
        while let Some((name, answer)) = answers.next().await {
            match answer {
                Ok(text) => drop(seen.figures.insert(name, Page::parse(&text))),
                Err(trouble) => drop(seen.silent.insert(name, trouble)),
            }
        }
    }
}

/// Where the meetings of a zone are, from the first of its controllers that tells.
pub async fn whereabouts(
    cluster: &Cluster,
    snapshot: &Snapshot,
    namespace: &str,
    zone: &str,
) -> Answer {
    let component = labels::COMPONENT_CONTROLLER;
    let pods = snapshot.pods_of(namespace, component, (labels::ZONE, zone));
    let mut why = trouble(
        "no zone controller answers".to_owned(),
        &format!("kubectl plenum status {zone} -n {namespace}"),
    );
    for pod in pods.filter(|pod| is_ready(pod)) {
        let answer = cluster.ask(pod, PATH).await;
        let read = answer.and_then(|text| {
            serde_json::from_str::<Whereabouts>(&text).map_err(|error| {
                let what = format!("{} tells meetings in another way: {error}", Name::of(pod));
                trouble(what, "install the kubectl-plenum of the operator's version")
            })
        });
        match read {
            Ok(told) => return Ok((Name::of(pod).name, told)),
            Err(trouble) => why = trouble,
        }
    }
    Err(why)
}
