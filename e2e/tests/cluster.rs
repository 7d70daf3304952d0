//! What scenarios rely on: the cluster works like any other, and its faults are real.
//!
//! Needs root, and takes a minute, so it runs only when asked:
//! `cargo test -p plenum-e2e --test cluster -- --ignored --test-threads 1`

use std::io::{Read, Write};
use std::net::{IpAddr, TcpStream};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use libtest_mimic::{Arguments, Trial};
use plenum_e2e::{Cluster, Config, Labelled, Layout};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

/// Long for a machine that builds beside the test.
const LIMIT: Duration = Duration::from_mins(1);

static RUNTIME: std::sync::LazyLock<Runtime> =
    std::sync::LazyLock::new(|| Runtime::new().expect("an async runtime"));
static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();

fn main() -> ExitCode {
    let trials = vec![
        trial("pods_of_both_networks_resolve_names", |cluster| {
            Box::pin(names(cluster))
        }),
        trial(
            "services_are_reached_from_pods_nodes_and_the_host",
            |cluster| Box::pin(services(cluster)),
        ),
        trial("logs_and_exec_reach_pods", |cluster| {
            Box::pin(logs_and_exec(cluster))
        }),
        trial("only_the_first_nodes_carry_the_label", |cluster| {
            Box::pin(labels(cluster))
        }),
        trial("helm_knows_the_version", |cluster| Box::pin(helm(cluster))),
        trial("a_dump_holds_pods_events_and_logs", |cluster| {
            Box::pin(dump(cluster))
        }),
        trial(
            "a_paused_api_server_answers_nothing_and_comes_back",
            |cluster| Box::pin(pause(cluster)),
        ),
        trial("pods_run_on_while_the_api_server_is_away", |cluster| {
            Box::pin(api_server_away(cluster))
        }),
        trial("a_killed_node_is_silent_and_boots_again", |cluster| {
            Box::pin(kill_node(cluster))
        }),
    ];
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    let stopped = CLUSTER.get().is_none_or(|cluster| {
        take_down(cluster)
            .inspect_err(|error| eprintln!("{error:#}"))
            .is_ok()
    });
    if stopped {
        conclusion.exit_code()
    } else {
        ExitCode::FAILURE
    }
}

/// A static is never dropped.
fn take_down(cluster: &Cluster) -> Result<()> {
    let state = cluster.layout().state();
    plenum_e2e::teardown::down(cluster.layout())?;
    ensure!(!state.exists(), "{} is left", state.display());
    Ok(())
}

type Outcome<'a> = std::pin::Pin<Box<dyn Future<Output = Result<()>> + 'a>>;

fn trial(name: &'static str, test: fn(&'static Cluster) -> Outcome<'static>) -> Trial {
    let run = move || {
        RUNTIME.block_on(async {
            let cluster = CLUSTER.get_or_try_init(start).await?;
            test(cluster).await
        })
    };
    Trial::test(name, move || {
        run().map_err(|error| format!("{error:#}").into())
    })
    .with_ignored_flag(true)
}

async fn start() -> Result<Cluster> {
    // One that is up may be in use: the faults here would hurt it.
    ensure!(
        !Layout::from_environment()?.record().exists(),
        "a cluster is up: run `plenum-e2e down` first"
    );
    let cluster = Cluster::start(Config {
        nodes: 3,
        labelled: Labelled::First(2),
        ..Config::default()
    })
    .await?;
    let pods = Path::new("tests/pods.yaml").canonicalize()?;
    // Controllers make it a moment after the namespace.
    eventually("the default service account", || {
        cluster.kubectl(["get", "serviceaccount", "default"])
    })
    .await?;
    cluster
        .kubectl([Path::new("apply"), Path::new("-f"), &pods])
        .await?;
    cluster
        .kubectl([
            "wait",
            "--for=condition=Ready",
            "pod",
            "--all",
            "--timeout=60s",
        ])
        .await?;
    Ok(cluster)
}

async fn names(cluster: &Cluster) -> Result<()> {
    for pod in ["on-host", "web"] {
        let answer = cluster
            .exec(
                "default",
                pod,
                [
                    "nslookup",
                    "-type=a",
                    "kubernetes.default.svc.cluster.local",
                ],
            )
            .await?;
        ensure!(answer.contains("Address: 10.96.0.1\n"), "{pod}: {answer}");
        let outside = cluster
            .exec("default", pod, ["nslookup", "-type=a", "plenum.example"])
            .await;
        ensure!(
            outside.is_err(),
            "{pod}: there is a name outside the cluster"
        );
    }
    Ok(())
}

async fn services(cluster: &Cluster) -> Result<()> {
    // From another node, from the same node, and from the pod to itself.
    for pod in ["on-host", "neighbour", "web"] {
        let page = cluster
            .exec(
                "default",
                pod,
                [
                    "wget",
                    "-q",
                    "-O",
                    "-",
                    "http://web.default.svc.cluster.local/passwd",
                ],
            )
            .await;
        ensure!(
            page.with_context(|| format!("from {pod}"))?
                .starts_with("root:")
        );
    }
    for node in 1..=3 {
        let address = cluster.node_ip(node)?.into();
        eventually("the NodePort", async || fetch(address, 30080))
            .await
            .with_context(|| format!("at node {node}"))?;
    }
    let pod = cluster
        .kubectl(["get", "pod", "web", "-o", "jsonpath={.status.podIP}"])
        .await?;
    fetch(pod.parse()?, 8080).context("the pod itself")?;
    fetch(cluster.node_ip(1)?.into(), 8801).context("the pod on its node's network")
}

async fn logs_and_exec(cluster: &Cluster) -> Result<()> {
    let logs = cluster.kubectl(["logs", "on-host"]).await?;
    ensure!(logs == "plenum-n1\n", "{logs}");
    let user = cluster.exec("default", "web -c web", ["id", "-u"]).await?;
    ensure!(user == "0\n", "{user}");
    Ok(())
}

async fn labels(cluster: &Cluster) -> Result<()> {
    let labelled = cluster
        .kubectl([
            "get",
            "nodes",
            "-l",
            "plenum.dev/routers=true",
            "-o",
            "name",
        ])
        .await?;
    ensure!(labelled == "node/plenum-n1\nnode/plenum-n2\n", "{labelled}");
    Ok(())
}

async fn helm(cluster: &Cluster) -> Result<()> {
    let chart = tempfile::tempdir()?;
    std::fs::create_dir(chart.path().join("templates"))?;
    std::fs::write(
        chart.path().join("Chart.yaml"),
        "{apiVersion: v2, name: some, version: 1.0.0, kubeVersion: '>=1.36.0'}",
    )?;
    let map = "{apiVersion: v1, kind: ConfigMap, metadata: {name: from-helm}}";
    std::fs::write(chart.path().join("templates/map.yaml"), map)?;
    let path = chart
        .path()
        .to_str()
        .context("a temporary directory in UTF-8")?;
    cluster.helm(["install", "some", path]).await?;
    cluster.kubectl(["get", "configmap", "from-helm"]).await?;
    cluster.helm(["uninstall", "some"]).await?;
    Ok(())
}

async fn dump(cluster: &Cluster) -> Result<()> {
    let directory = tempfile::tempdir()?;
    cluster.dump(directory.path()).await?;
    let contains = |file: &str, text: &str| -> Result<()> {
        let content = std::fs::read_to_string(directory.path().join(file))
            .with_context(|| file.to_owned())?;
        ensure!(content.contains(text), "{file} lacks {text}: {content}");
        Ok(())
    };
    contains("pods.txt", "neighbour")?;
    contains("events.txt", "Started")?;
    contains("objects.yaml", "kind: Node")?;
    contains("pods/default_on-host_web.log", "plenum-n1")?;
    contains("components/plenum-n1-kubelet.log", "kubelet")
}

async fn pause(cluster: &Cluster) -> Result<()> {
    cluster.pause_api_server()?;
    let asked = cluster
        .kubectl(["get", "nodes", "--request-timeout=1s"])
        .await;
    cluster.resume_api_server()?;
    ensure!(asked.is_err(), "it answered");
    eventually("an answer", || cluster.kubectl(["get", "nodes"]))
        .await
        .map(drop)
}

async fn api_server_away(cluster: &Cluster) -> Result<()> {
    cluster.stop_api_server().await?;
    ensure!(
        cluster
            .kubectl(["get", "nodes", "--request-timeout=1s"])
            .await
            .is_err(),
        "it answered"
    );
    fetch(cluster.node_ip(1)?.into(), 30080).context("a Service while the API server is away")?;
    cluster.start_api_server().await?;
    cluster.kubectl(["get", "nodes"]).await.map(drop)
}

async fn kill_node(cluster: &Cluster) -> Result<()> {
    let address = cluster.node_ip(1)?.into();
    cluster.kill_node(1).await?;
    ensure!(fetch(address, 8801).is_err(), "it still serves");
    cluster.start_node(1)?;
    eventually("the pod to run again", async || fetch(address, 8801)).await?;
    cluster.wait_for_nodes().await
}

/// Fetches a file that every pod's web server has.
fn fetch(address: IpAddr, port: u16) -> Result<()> {
    let mut stream = TcpStream::connect_timeout(&(address, port).into(), Duration::from_secs(2))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.write_all(b"GET /passwd HTTP/1.0\r\n\r\n")?;
    let mut page = String::new();
    stream.read_to_string(&mut page)?;
    ensure!(page.contains("root:"), "{page}");
    Ok(())
}

async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    let deadline = Instant::now() + LIMIT;
    loop {
        match probe().await {
            Ok(value) => return Ok(value),
            Err(error) if Instant::now() >= deadline => {
                bail!("gave up waiting for {what}: {error:#}")
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}
