//! T5: somebody deletes or edits each child, a node's marks and routers' pods. Ours is repaired,
//! and what others wrote beside it is left alone.

use anyhow::{Result, ensure};
use plenum_crds::labels;
use serde_json::{Value, json};

use super::Reference;
use crate::faults::dice::Dice;
use crate::faults::mirror::{Kind, annotation, is_router, label, node_of};
use crate::faults::story::Teller;
use crate::faults::world::{ALONE, POOL, World};

/// Children that one schedule harms.
const VICTIMS: usize = 8;
/// What somebody else wrote.
const FOREIGN: &str = "example.com/mine";

pub async fn trial(world: &World, reference: &Reference, seed: u64) -> Result<()> {
    let mut dice = Dice::new(seed);
    let mut story = Teller::new(world, Some(&reference.ends));
    world.operate(ALONE)?;
    story.made().await?;
    story.grown().await?;
    for _ in 0..VICTIMS {
        if dice.chance(300) {
            harm_a_node(world, &mut dice).await?;
        } else {
            harm_a_child(world, &mut dice).await?;
        }
        story.recovered().await?;
    }
    a_foreign_field_stays(world, &mut dice).await?;
    story.recovered().await?;
    // Nothing that others wrote keeps what is to go.
    story.shrunk().await?;
    story.deleted().await
}

/// One of all children there are.
fn victim(world: &World, dice: &mut Dice) -> (Kind, String, Value) {
    let all: Vec<(Kind, String, Value)> = world.observer.look(|mirror| {
        let of = |kind| {
            mirror
                .all(kind)
                .map(move |(name, it)| (kind, name.to_owned(), it.clone()))
        };
        Kind::CHILDREN.into_iter().flat_map(of).collect()
    });
    dice.one_of(&all).clone()
}

async fn harm_a_child(world: &World, dice: &mut Dice) -> Result<()> {
    let (kind, name, object) = victim(world, dice);
    world.observer.excuse(|rules| rules.excuse(&name));
    // One that lost its key is followed by another, after weeks: `operator/src/pki/tests/damage.rs`.
    let authority = name.ends_with("-ca");
    if !authority && dice.chance(400) {
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
        world.observer.excuse(|rules| rules.excuse_owned_by(uid));
        return world.delete(kind, &name).await;
    }
    let mut edits = edits(kind, &object);
    edits.retain(|edit| !authority || edit["data"].is_null());
    let change = dice.one_of(&edits).clone();
    match world.try_merge(kind, &name, &change).await {
        // Some fields cannot be changed by anybody; it went meanwhile.
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409 | 422) => Ok(()),
        other => Ok(other?),
    }
}

/// What a person may do to a child with `kubectl edit`.
fn edits(kind: Kind, object: &Value) -> Vec<Value> {
    let mut edits = vec![
        json!({"metadata": {"labels": {labels::ZONE: "other"}}}),
        json!({"metadata": {"labels": {labels::APP_PART_OF: null}}}),
        json!({"metadata": {"annotations": {"plenum.dev/applied": null}}}),
    ];
    let image = |image: &str| {
        let name = &object["spec"]["template"]["spec"]["containers"][0];
        let mut container = name.clone();
        container["image"] = image.into();
        json!({"spec": {"template": {"spec": {"containers": [container]}}}})
    };
    // Beside ours these would be a second source of each.
    let volumes = || {
        let all = object["spec"]["template"]["spec"]["volumes"].as_array();
        let empty = |volume: &Value| json!({"name": volume["name"], "emptyDir": {}});
        let empty: Vec<Value> = all.into_iter().flatten().map(empty).collect();
        json!({"spec": {"template": {"spec": {"volumes": empty}}}})
    };
    let more = match kind {
        Kind::DaemonSet => vec![
            image("somebody:1"),
            volumes(),
            json!({"spec": {"updateStrategy": {"type": "RollingUpdate"}}}),
            json!({"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 1}}}}),
        ],
        Kind::StatefulSet | Kind::Deployment => vec![
            image("somebody:1"),
            volumes(),
            json!({"spec": {"replicas": 0}}),
            json!({"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 1}}}}),
        ],
        Kind::Service => vec![
            json!({"spec": {"selector": {labels::APP_INSTANCE: "other"}}}),
            json!({"spec": {"selector": null}}),
        ],
        Kind::Budget => vec![
            json!({"spec": {"maxUnavailable": 0}}),
            json!({"spec": {"maxUnavailable": null, "minAvailable": 1}}),
        ],
        // What it has not would be somebody else's, and stays.
        Kind::Secret => [("tls.crt", json!("")), ("ca.crt", Value::Null)]
            .into_iter()
            .filter(|(key, _)| object["data"][key].is_string())
            .map(|(key, value)| json!({"data": {key: value}}))
            .collect(),
        _ => Vec::new(),
    };
    edits.extend(more);
    edits
}

/// Somebody takes marks off a node, or deletes its router's pod.
async fn harm_a_node(world: &World, dice: &mut Dice) -> Result<()> {
    let active: Vec<String> = world.observer.look(|mirror| {
        let active = mirror
            .all(Kind::Node)
            .filter(|(_, node)| label(node, labels::ACTIVE_POOL).is_some());
        active.map(|(name, _)| name.to_owned()).collect()
    });
    ensure!(!active.is_empty(), "no node is active");
    let node = dice.one_of(&active).clone();
    let pods: Vec<String> = world.observer.look(|mirror| {
        let here = mirror
            .all(Kind::Pod)
            .filter(|(_, pod)| is_router(pod) && node_of(pod) == Some(&node));
        here.map(|(name, _)| name.to_owned()).collect()
    });
    world.observer.excuse(|rules| {
        rules.excuse(&node);
        for pod in &pods {
            rules.excuse(pod);
        }
    });
    let nothing = Value::Null;
    match dice.below(5) {
        0 => {
            let off = json!({"metadata": {"labels": {labels::ACTIVE_POOL: nothing}}});
            world.merge(Kind::Node, &node, &off).await
        }
        1 => {
            let key = *dice.one_of(&[labels::CLUSTER_AUTOSCALER_KEEP, labels::KARPENTER_KEEP]);
            let off = json!({"metadata": {"annotations": {key: nothing}}});
            world.merge(Kind::Node, &node, &off).await
        }
        2 => {
            // It is told to drain by somebody's hand, long ago.
            let on = json!({"metadata": {"annotations": {
                labels::DRAINING_SINCE: "2020-01-01T00:00:00Z", labels::DRAINING_REASON: "ScaleDown",
            }}});
            world.excuse_routers();
            world.merge(Kind::Node, &node, &on).await
        }
        3 => {
            // As it is, so that it is somebody else's as well.
            let again = json!({"metadata": {
                "labels": {labels::ACTIVE_POOL: format!("{}.{POOL}", world.name)},
            }});
            world.merge(Kind::Node, &node, &again).await
        }
        _ => match pods.first() {
            Some(pod) => world.delete(Kind::Pod, pod).await,
            None => Ok(()),
        },
    }
}

/// An annotation of somebody else is there after ours was repaired.
async fn a_foreign_field_stays(world: &World, dice: &mut Dice) -> Result<()> {
    let (kind, name, _) = victim(world, dice);
    world.observer.excuse(|rules| rules.excuse(&name));
    let change = json!({"metadata": {
        "annotations": {FOREIGN: "kept"}, "labels": {labels::APP_PART_OF: "somebody"},
    }});
    world.merge(kind, &name, &change).await?;
    let repaired = |mirror: &crate::faults::mirror::Mirror, _: &_| {
        let object = mirror.get(kind, &name).ok_or("it is gone")?;
        if label(object, labels::APP_PART_OF) != Some(labels::APPLICATION) {
            return Err("our label is not repaired".to_owned());
        }
        match annotation(object, FOREIGN) {
            Some("kept") => Ok(()),
            other => Err(format!("a foreign annotation became {other:?}")),
        }
    };
    world
        .observer
        .until("our label is repaired", repaired)
        .await?;
    let off = json!({"metadata": {"annotations": {FOREIGN: null}}});
    world.merge(kind, &name, &off).await
}
