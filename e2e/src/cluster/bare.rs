//! A control plane without nodes: etcd, the API server, and those controllers of Kubernetes that make pods and collect
//! garbage. Nodes and pods are played by whoever starts it.
//!
//! It lives on the loopback interface at ports that are free, beside any other cluster, in a directory of its own, and
//! ends with its value, or with this program. What a killed program left of the directory goes at the next start.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::DirBuilderExt as _;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use rustix::process::Signal;

use crate::cluster::control_plane::{
    API_SERVER, Place, api_server_arguments, controller_manager_arguments, etcd_arguments,
    wait_for_api,
};
use crate::cluster::lock::Lock;
use crate::cluster::pki;
use crate::cluster::process::{Launcher, Process};
use crate::{Commands, Layout, Lifetime, Tools};

/// How long ended processes may take to go.
const ENDING: Duration = Duration::from_secs(20);
const INTERVAL: Duration = Duration::from_millis(20);
/// What acts on what an operator of ours makes. Nothing watches over nodes: they send no heartbeats.
const CONTROLLERS: &str = "daemonset-controller,statefulset-controller,deployment-controller,\
    replicaset-controller,disruption-controller,garbage-collector-controller";

/// A control plane without nodes. Only one of a name runs at a time.
pub struct Bare {
    layout: Layout,
    launcher: Launcher,
    tools: Tools,
    config: Config,
    _lock: Lock,
}

impl Bare {
    /// Starts etcd and the API server in the directory `name` of the cache, and waits until it answers: some 5 s.
    pub async fn start(name: &str) -> Result<Self> {
        let cache = Layout::from_environment()?;
        let tools = Tools::ensure(&cache)?;
        let home = cache.tools().with_file_name(name);
        let layout = Layout::new(&home)?;
        let lock = Lock::take(&layout).await?;
        end(&layout);
        let place = free_place()?;
        for directory in [layout.state(), layout.pki(), layout.pids(), layout.logs()] {
            // It holds keys.
            let mut builder = fs::DirBuilder::new();
            builder.mode(0o700).recursive(true);
            builder
                .create(&directory)
                .with_context(|| format!("creating {}", directory.display()))?;
        }
        pki::write(&layout, place, &[])?;
        let kubeconfig = Kubeconfig::read_from(layout.kubeconfig())?;
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &options);
        let bare = Self {
            launcher: Launcher::new(&layout, Lifetime::UntilDropped),
            config: config.await?,
            layout,
            tools,
            _lock: lock,
        };
        bare.launch("etcd", &etcd_arguments(&bare.layout, place))?;
        bare.launch(API_SERVER, &api_arguments(&bare.layout, place))?;
        wait_for_api(&bare.layout, &bare.client()?).await?;
        Ok(bare)
    }

    /// Starts the controllers. Definitions of resources that are made before are known to them at once.
    pub(crate) fn start_controllers(&self) -> Result<()> {
        let mut arguments = controller_manager_arguments(&self.layout);
        arguments.retain(|argument| !argument.starts_with("--controllers="));
        arguments.push(format!("--controllers={CONTROLLERS}"));
        // Many small clusters in one: the usual limits are for one.
        arguments.extend(["--kube-api-qps=1000", "--kube-api-burst=2000"].map(str::to_owned));
        arguments.push("--concurrent-daemonset-syncs=8".to_owned());
        self.launch("kube-controller-manager", &arguments)
    }

    /// How it is reached, with all rights.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// A client with all rights.
    pub(crate) fn client(&self) -> Result<Client> {
        Ok(Client::try_from(self.config.clone())?)
    }

    /// `kubectl` and `helm` with all rights.
    #[must_use]
    pub fn commands(&self) -> Commands {
        let (kubeconfig, caches) = (self.layout.kubeconfig(), self.layout.client_caches());
        Commands::new(&self.tools, kubeconfig, caches)
    }

    /// Its files: keys, certificates, logs.
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    fn launch(&self, name: &str, arguments: &[String]) -> Result<()> {
        let program = self.tools.kubernetes(name);
        self.launcher.start(name, &program, arguments)?;
        Ok(())
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        end(&self.layout);
    }
}

fn api_arguments(layout: &Layout, place: Place) -> Vec<String> {
    let mut arguments = api_server_arguments(layout, place);
    arguments.extend(
        [
            // Its own Service may not have an address of the loopback interface.
            "--endpoint-reconciler-type=none",
            // Who plays nodes says himself when they are ready; pods need no token here.
            "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",
        ]
        .map(str::to_owned),
    );
    arguments
}

/// Ends what was recorded, and removes the state.
fn end(layout: &Layout) {
    let processes = Process::all_recorded(layout);
    let deadline = Instant::now() + ENDING;
    while processes.iter().any(Process::is_alive) {
        for process in &processes {
            process.signal(Signal::KILL);
        }
        if Instant::now() >= deadline {
            eprintln!("processes of {} do not end", layout.state().display());
            break;
        }
        sleep(INTERVAL);
    }
    processes.iter().for_each(Process::reap);
    match fs::remove_dir_all(layout.state()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            eprintln!("removing {}: {error}", layout.state().display());
        }
        _ => {}
    }
}

/// Ports that nobody has now; all are held until the last was found, so that they differ.
fn free_place() -> Result<Place> {
    let free = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let held = [free()?, free()?, free()?];
    let port = |index: usize| held[index].local_addr().map(|address| address.port());
    Ok(Place {
        host: Ipv4Addr::LOCALHOST,
        api: port(0)?,
        etcd: port(1)?,
        etcd_peer: port(2)?,
    })
}
