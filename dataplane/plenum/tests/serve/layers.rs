//! A picture in several sizes.

use serde_json::Value;

use crate::site::{Ended, Site, sample};

const LAYERS: [&str; 3] = ["camera-low.ivf", "camera-mid.ivf", "camera-high.ivf"];

#[tokio::test]
async fn who_plays_three_sizes_is_seen_in_the_largest() {
    let site = Site::start(&[]).await;
    let mut camera = site.join("4711");
    camera.args(["--wait-for", "1", "--for", "14"]);
    for layer in LAYERS {
        camera.arg("--video").arg(sample(layer));
    }
    let mut viewer = site.join("4711");
    viewer.args(["--for", "14"]);
    viewer.arg("--audio").arg(sample("alice.ogg"));
    let (camera, viewer) = tokio::join!(
        Ended::of(camera.spawn().unwrap()),
        Ended::of(viewer.spawn().unwrap())
    );
    assert_eq!(camera.status, 0, "{camera:?}");
    assert_eq!(viewer.status, 0, "{viewer:?}");
    let report = viewer.report();
    let picture = &report["tracks"][0];
    assert_eq!(picture["kind"], "video", "{report}");
    assert_eq!(picture["lost"], 0, "{report}");
    // For how long, and how often it changes, is up to a machine that may be busy: what it
    // comes to on a quiet one is in docs/performance.md.
    let largest = picture["heights"]["360"].as_f64();
    assert!(largest.is_some_and(|share| share > 0.0), "{report}");
}

#[tokio::test]
async fn files_that_are_no_layers_of_one_picture_are_refused_with_the_reason() {
    let site = Site::start(&[]).await;
    let [low, _, high] = LAYERS;
    for (files, says) in [
        ([high, low], "name the lowest first"),
        ([low, "camera-av1.ivf"], "one is VP8, the other AV1"),
        ([low, "alice.ogg"], "opus is not for --video"),
    ] {
        let mut join = site.join("4711");
        for file in files {
            join.arg("--video").arg(sample(file));
        }
        let ended = Ended::of(join.spawn().unwrap()).await;
        ended.assert_failed(2, &[says]);
        let report: Value = ended.report();
        assert!(report["joined_ms"].is_null(), "nobody was disturbed");
    }
}
