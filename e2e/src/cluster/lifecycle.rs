//! The cluster: started, attached to, and taken down.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};
use std::process;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::cluster::addresses::NodeNumber;
use crate::cluster::host_state::HostState;
use crate::cluster::lock::Lock;
use crate::cluster::process::{Launcher, Process};
use crate::cluster::record::Record;
use crate::cluster::{
    containers, control_plane, dns, host_packages, images, network, node, pki, teardown,
};
use crate::interrupt::{INTERRUPTED, Interrupt};
use crate::{Commands, Config, Layout, Lifetime, Tools};

/// How long a cluster that runs takes to say so.
const ALIVE_LIMIT: Duration = Duration::from_secs(5);

/// A running cluster.
pub struct Cluster {
    pub(crate) tools: Tools,
    pub(crate) launcher: Launcher,
    commands: Commands,
    client: Client,
    record: Record,
    /// Whether it goes down with this value.
    owned: bool,
}

impl Cluster {
    /// Starts a cluster and returns when its nodes and its DNS server are ready: 10 to 20 s, and minutes the first time.
    ///
    /// If one is up already that has enough nodes, it is used, and left up. If one was left half up, it is taken down
    /// first. If the start fails or is interrupted, nothing stays.
    pub async fn start(config: Config) -> Result<Self> {
        ensure!(
            rustix::process::geteuid().is_root(),
            "namespaces, links and control groups need root"
        );
        host_packages::check()?;
        let layout = Layout::from_environment()?;
        let tools = Tools::ensure(&layout)?;
        // Before anything is made: a signal between making and listening would leave it behind.
        let mut interrupt = Interrupt::listen()?;
        tokio::select! {
            started = Self::start_or_attach(layout, tools, config) => started,
            () = interrupt.arrived() => {
                bail!("interrupted; what was started is taken down again")
            }
        }
    }

    async fn start_or_attach(layout: Layout, tools: Tools, config: Config) -> Result<Self> {
        let lock = Lock::take(&layout).await?;
        if let Ok(running) = Self::attach_in(layout.clone(), tools.clone()).await {
            eprintln!("a cluster is up already and is used as it is");
            ensure!(
                running.record.nodes >= config.nodes,
                "it has {} nodes, {} are asked for: run `plenum-e2e down` first",
                running.record.nodes,
                config.nodes
            );
            running.load_images(&config.images).await?;
            return Ok(running);
        }
        teardown::down_locked(&layout, &lock)?;
        let unfinished = Unfinished {
            layout: &layout,
            lock: &lock,
        };
        let cluster = Self::start_new(&layout, tools, &config).await?;
        std::mem::forget(unfinished);
        if cluster.owned {
            end_on_interrupt(layout.clone())?;
        }
        Ok(cluster)
    }

    async fn start_new(layout: &Layout, tools: Tools, config: &Config) -> Result<Self> {
        let started = Instant::now();
        let nodes = NodeNumber::first(config.nodes)?;
        network::check_free()?;
        create_directories(layout, &tools)?;
        HostState::now().record(layout)?;
        pki::write(layout, control_plane::Place::CLUSTER, &nodes)?;
        network::create(&nodes)?;

        let launcher = Launcher::new(layout, config.lifetime);
        control_plane::start_storage_and_api(&launcher, &tools)?;
        let record = Record {
            nodes: config.nodes,
            label: config.label.clone(),
            labelled: config.labelled,
        };
        for node in &nodes {
            node::start(&launcher, &tools, *node, record.label_of(*node))?;
        }
        let client = client(layout).await?;
        let cluster = Self {
            commands: commands(layout, &tools),
            tools,
            launcher,
            client,
            record,
            owned: config.lifetime == Lifetime::UntilDropped,
        };
        // Both take seconds, and neither needs the other.
        tokio::try_join!(
            cluster.start_kubernetes(),
            cluster.load_first_images(&config.images)
        )?;
        tokio::try_join!(
            node::wait_for_ready(layout, &cluster.client, &nodes),
            dns::wait_for_ready(&cluster)
        )?;
        fs::write(layout.record(), serde_json::to_vec_pretty(&cluster.record)?)
            .with_context(|| format!("writing {}", layout.record().display()))?;
        eprintln!(
            "{} nodes ready in {:.1} s",
            nodes.len(),
            started.elapsed().as_secs_f32()
        );
        Ok(cluster)
    }

    async fn start_kubernetes(&self) -> Result<()> {
        control_plane::wait_for_api(self.layout(), &self.client).await?;
        fs::write(self.layout().api_ready(), "")?;
        control_plane::start_controllers(&self.launcher, &self.tools)?;
        dns::apply(self).await
    }

    async fn load_first_images(&self, images: &[PathBuf]) -> Result<()> {
        let (layout, tools) = (self.layout().clone(), self.tools.clone());
        let ours = spawn_blocking(move || images::write_basics(&layout, &tools)).await??;
        self.load_images(&ours).await?;
        self.load_images(images).await
    }

    /// The cluster that is up; it stays up when this value is dropped.
    pub async fn attach() -> Result<Self> {
        let layout = Layout::from_environment()?;
        let tools = Tools::ensure(&layout)?;
        Self::attach_in(layout, tools).await
    }

    async fn attach_in(layout: Layout, tools: Tools) -> Result<Self> {
        let record = fs::read(layout.record()).context("no cluster is up: run `plenum-e2e up`")?;
        let record: Record = serde_json::from_slice(&record)
            .context("the record of the cluster is damaged: run `plenum-e2e down`")?;
        let client = client(&layout).await?;
        let alive = timeout(ALIVE_LIMIT, control_plane::is_ready(&client)).await;
        alive
            .context("no answer in time")
            .flatten()
            .context("the cluster does not answer: run `plenum-e2e down`, then `plenum-e2e up`")?;
        let dead = NodeNumber::first(record.nodes)?.into_iter().find(|node| {
            !Process::recorded(&layout, &node.name()).is_some_and(|process| process.is_alive())
        });
        if let Some(dead) = dead {
            bail!("{dead} is dead: run `plenum-e2e down`, then `plenum-e2e up`");
        }
        let launcher = Launcher::new(&layout, Lifetime::UntilDown);
        Ok(Self {
            commands: commands(&layout, &tools),
            tools,
            launcher,
            client,
            record,
            owned: false,
        })
    }

    /// Whether it goes down with this value. One that was up before, or lives [`Lifetime::UntilDown`], stays.
    #[must_use]
    pub fn is_owned(&self) -> bool {
        self.owned
    }

    /// Does what dropping it does, and says what went wrong.
    pub fn stop(mut self) -> Result<()> {
        if !self.owned {
            return Ok(());
        }
        self.owned = false;
        teardown::down(self.layout())
    }

    /// `kubectl` and `helm` on it.
    #[must_use]
    pub fn commands(&self) -> &Commands {
        &self.commands
    }

    /// A client with all rights.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Where its files are.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        self.launcher.layout()
    }

    /// Its nodes, dead ones too.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeNumber> {
        NodeNumber::first(self.record.nodes)
            .expect("a cluster that started has a valid number of nodes")
    }

    /// Imports docker-archive files into all nodes.
    pub async fn load_images<P: AsRef<Path>>(&self, archives: &[P]) -> Result<()> {
        let archives: Vec<_> = archives.iter().map(AsRef::as_ref).collect();
        containers::import(self.layout(), &self.tools, &self.nodes(), &archives).await
    }

    pub(crate) fn label_of(&self, node: NodeNumber) -> Option<&str> {
        self.record.label_of(node)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.owned
            && let Err(error) = teardown::down(self.layout())
        {
            eprintln!("{error:#}");
        }
    }
}

/// Takes down what was started so far.
struct Unfinished<'a> {
    layout: &'a Layout,
    lock: &'a Lock,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Err(error) = teardown::down_locked(self.layout, self.lock) {
            eprintln!("{error:#}");
        }
    }
}

/// A test that is interrupted runs no destructors.
fn end_on_interrupt(layout: Layout) -> Result<()> {
    let mut interrupt = Interrupt::listen()?;
    tokio::spawn(async move {
        interrupt.arrived().await;
        eprintln!("interrupted: taking the cluster down");
        if let Err(error) = teardown::down(&layout) {
            eprintln!("{error:#}");
        }
        process::exit(INTERRUPTED);
    });
    Ok(())
}

fn create_directories(layout: &Layout, tools: &Tools) -> Result<()> {
    let create = |directory: &Path| {
        // It holds keys.
        fs::DirBuilder::new()
            .mode(0o700)
            .recursive(true)
            .create(directory)
            .with_context(|| format!("creating {}", directory.display()))
    };
    for directory in [
        layout.state(),
        layout.pki(),
        layout.pids(),
        layout.logs(),
        layout.images(),
        layout.nodes(),
        layout.programs(),
        layout.client_caches(),
    ] {
        create(&directory)?;
    }
    for program in ["kubectl", "helm"] {
        symlink(tools.kubernetes(program), layout.programs().join(program))?;
    }
    Ok(())
}

fn commands(layout: &Layout, tools: &Tools) -> Commands {
    Commands::new(tools, layout.kubeconfig(), layout.client_caches())
}

async fn client(layout: &Layout) -> Result<Client> {
    let kubeconfig = Kubeconfig::read_from(layout.kubeconfig())?;
    let config =
        kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}
