//! `plenum-e2e`: a Kubernetes cluster on this machine, for tests and demonstrations.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::{Args, Parser, Subcommand};
use plenum_e2e::demo::{Ending, Figures};
use plenum_e2e::interrupt::{exit_on_interrupt, unless_interrupted};
use plenum_e2e::scenarios::World;
use plenum_e2e::site::Site;
use plenum_e2e::{
    Cluster, Commands, Config, Labelled, Layout, Lifetime, Tools, bench, demo, faults,
    host_packages, image, matrix, scale, scenarios, teardown,
};

/// A real Kubernetes cluster on this machine, without a container engine.
///
/// Needs root and Go. Tools are built once (about 7 minutes on two cores) and kept in the cache, `$PLENUM_CACHE` or
/// ~/.cache/plenum.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the pinned Kubernetes tools, or find them in the cache
    Tools {
        /// Print only where kubectl and helm are
        #[arg(long)]
        path: bool,
    },
    /// Start a cluster, which stays up until `down`
    Up {
        /// How many nodes
        #[arg(long, default_value_t = 4)]
        nodes: usize,
        /// A docker-archive file to load into every node; may be repeated
        #[arg(long = "image", value_name = "TAR")]
        images: Vec<PathBuf>,
        /// The label that nodes carry
        #[arg(long, default_value = "plenum.dev/routers=true")]
        label: String,
        /// Give the label to the first so many nodes only
        #[arg(long, value_name = "COUNT")]
        labelled_nodes: Option<usize>,
    },
    /// Take down everything, whatever was left
    Down,
    /// Write the image with both programs, as a docker-archive file
    Image {
        /// The static `plenum` program
        #[arg(long)]
        plenum: PathBuf,
        /// The static `plenum-operator` program
        #[arg(long)]
        operator: PathBuf,
        /// The image is called localhost/plenum:TAG
        #[arg(long, default_value = "dev")]
        tag: String,
        /// The file to write
        #[arg(long)]
        out: PathBuf,
    },
    /// Load images into all nodes of the running cluster
    LoadImage {
        /// docker-archive files
        #[arg(required = true, value_name = "TAR")]
        images: Vec<PathBuf>,
    },
    /// A zone on a cluster of its own (or on the one that KUBECONFIG names), people who come and go, and figures
    Demo {
        #[command(flatten)]
        site: SiteArgs,
        /// Leave the zone at the end, and the cluster up until `down`
        #[arg(long)]
        keep: bool,
    },
    /// Run the scenarios on a cluster of their own
    Test {
        #[command(flatten)]
        site: SiteArgs,
        /// Only scenarios whose name contains this
        filter: Option<String>,
    },
    /// Measure joins, forwarding and memory on this machine, without a cluster
    Bench {
        /// The `plenum` program
        #[arg(long)]
        plenum: PathBuf,
        /// Where the figures go
        #[arg(long)]
        reports: PathBuf,
    },
    /// Measure what is heard and seen over bad networks
    Quality {
        /// The `plenum` program
        #[arg(long)]
        plenum: PathBuf,
        /// Where the figures go
        #[arg(long)]
        reports: PathBuf,
        /// Only this scenario
        #[arg(long)]
        only: Option<String>,
        /// How often each; the figures are medians
        #[arg(long, default_value_t = 5)]
        rounds: usize,
    },
    /// Let people come and go for a while, and see whether anything grows or is left over
    Soak {
        /// The `plenum` program
        #[arg(long)]
        plenum: PathBuf,
        /// Where the figures go
        #[arg(long)]
        reports: PathBuf,
        /// How long
        #[arg(long, default_value_t = 20)]
        minutes: u64,
        /// People at once
        #[arg(long, default_value_t = 120)]
        people: u32,
        /// Hold the site to so much of a core, as a pod's CPU limit does, that its busiest is
        /// this share of it (needs root)
        #[arg(long, value_name = "SHARE", value_parser = share)]
        load: Option<f64>,
    },
    /// Give a site twice as much to do as it has time for, for a minute (needs root and two quiet cores)
    Overload {
        /// The `plenum` program
        #[arg(long)]
        plenum: PathBuf,
        /// Where the figures go
        #[arg(long)]
        reports: PathBuf,
    },
    /// Join from behind firewalls, proxies and bad names, in networks of its own (needs root)
    Matrix {
        #[command(flatten)]
        options: matrix::Options,
    },
    /// The operator on a real API server through a proxy that loses, refuses and delays requests
    Faults {
        #[command(flatten)]
        options: faults::Options,
    },
    /// Measure the operator at a thousand zones and five thousand routers, on an API server of its own
    Scale {
        #[command(flatten)]
        options: scale::Options,
    },
    /// What `matrix` starts inside its networks
    #[command(hide = true)]
    MatrixPart {
        #[command(subcommand)]
        part: matrix::Part,
    },
    /// Write the state, events and logs of the running cluster to a directory
    Dump {
        /// Where to
        directory: PathBuf,
    },
}

/// What a site is made of.
#[derive(Args)]
struct SiteArgs {
    /// The image with both programs, a docker-archive file
    #[arg(long)]
    image: PathBuf,
    /// On a cluster of KUBECONFIG: the image as its nodes pull it, REPOSITORY:TAG
    #[arg(long, env = "PLENUM_IMAGE", default_value = image::PLENUM_REFERENCE)]
    image_reference: String,
    /// The chart's directory
    #[arg(long)]
    chart: PathBuf,
    /// The `plenum` program
    #[arg(long)]
    plenum: PathBuf,
    /// Speech and moving pictures
    #[arg(long)]
    samples: PathBuf,
    /// Where reports go
    #[arg(long)]
    reports: PathBuf,
}

impl SiteArgs {
    fn site(&self, commands: Commands) -> Result<Site> {
        std::fs::create_dir_all(&self.reports)?;
        Ok(Site {
            commands,
            plenum: self.plenum.clone(),
            chart: self.chart.clone(),
            samples: self.samples.clone(),
            reports: self.reports.clone(),
        })
    }

    async fn cluster(&self, lifetime: Lifetime) -> Result<Cluster> {
        println!("starting a cluster of 4 nodes ...");
        Cluster::start(Config {
            images: vec![self.image.clone()],
            lifetime,
            ..Config::default()
        })
        .await
    }
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok();
    let share = share.filter(|share| *share > 0.0 && *share <= 1.0);
    share.ok_or_else(|| "a share is above 0 and at most 1, like 0.7".to_owned())
}

fn main() -> Result<ExitCode> {
    // What asks for the default provider of cryptography gets the one of the whole workspace.
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("a provider of cryptography was installed before"))?;
    let runtime = tokio::runtime::Runtime::new()?;
    match Arguments::parse().command {
        // Its scenarios run on a thread of the test library, and block on the runtime.
        Command::Test { site, filter } => test(&runtime, &site, filter),
        other => runtime.block_on(run(other)).map(|()| ExitCode::SUCCESS),
    }
}

async fn run(command: Command) -> Result<()> {
    match command {
        Command::Tools { path } => tools(path),
        Command::Up {
            nodes,
            images,
            label,
            labelled_nodes,
        } => {
            let labelled = labelled_nodes.map_or(Labelled::All, Labelled::First);
            up(Config {
                nodes,
                images,
                label,
                labelled,
                lifetime: Lifetime::UntilDown,
            })
            .await
        }
        Command::Down => down(),
        Command::Image {
            plenum,
            operator,
            tag,
            out,
        } => {
            image::write_plenum(&plenum, &operator, &tag, &out)?;
            println!("wrote {} (localhost/plenum:{tag})", out.display());
            Ok(())
        }
        Command::LoadImage { images } => Cluster::attach().await?.load_images(&images).await,
        Command::Dump { directory } => Cluster::attach().await?.dump(&directory).await,
        Command::Demo { site, keep } => demo(&site, keep).await,
        Command::Bench { plenum, reports } => {
            unless_interrupted(bench::rungs::run(&plenum, &reports)).await
        }
        Command::Quality {
            plenum,
            reports,
            only,
            rounds,
        } => {
            let run = bench::quality::run(&plenum, &reports, only.as_deref(), rounds);
            unless_interrupted(run).await
        }
        Command::Soak {
            plenum,
            reports,
            minutes,
            people,
            load,
        } => {
            let lasts = Duration::from_secs(60 * minutes);
            unless_interrupted(bench::soak::run(&plenum, &reports, lasts, people, load)).await
        }
        Command::Overload { plenum, reports } => {
            unless_interrupted(bench::overload::run(&plenum, &reports)).await
        }
        Command::Matrix { options } => unless_interrupted(matrix::run(&options)).await,
        Command::Faults { options } => unless_interrupted(faults::run(&options)).await,
        Command::Scale { options } => unless_interrupted(scale::run(&options)).await,
        Command::MatrixPart { part } => matrix::part(part).await,
        Command::Test { .. } => unreachable!("main runs it"),
    }
}

fn tools(path: bool) -> Result<()> {
    host_packages::check()?;
    let layout = Layout::from_environment()?;
    let tools = Tools::ensure(&layout)?;
    if path {
        let kubectl = tools.kubernetes("kubectl");
        println!("{}", kubectl.parent().unwrap_or(&kubectl).display());
    } else {
        println!("tools are ready in {}", layout.tools().display());
    }
    Ok(())
}

async fn demo(args: &SiteArgs, keep: bool) -> Result<()> {
    let kubeconfig = std::env::var_os("KUBECONFIG").filter(|path| !path.is_empty());
    let figures = match kubeconfig {
        Some(kubeconfig) => demo_as_guest(args, kubeconfig.into(), keep).await?,
        None => demo_here(args, keep).await?,
    };
    let failures = figures.failures();
    ensure!(
        failures.is_empty(),
        "the demo did not show what it should: {}",
        failures.join("; ")
    );
    Ok(())
}

/// On somebody's cluster.
async fn demo_as_guest(args: &SiteArgs, kubeconfig: PathBuf, keep: bool) -> Result<Figures> {
    let layout = Layout::from_environment()?;
    let tools = Tools::ensure(&layout)?;
    let caches = layout.foreign_client_caches();
    let site = args.site(Commands::new(&tools, kubeconfig, caches))?;
    let client = kube::Client::try_default().await?;
    let ending = if keep { Ending::Stays } else { Ending::Removed };
    demo::run(&site, &client, &args.image_reference, ending).await
}

/// On the cluster of this machine; on a new one if none is up.
async fn demo_here(args: &SiteArgs, keep: bool) -> Result<Figures> {
    let lifetime = if keep {
        Lifetime::UntilDown
    } else {
        Lifetime::UntilDropped
    };
    let cluster = args.cluster(lifetime).await?;
    let site = args.site(cluster.commands().clone())?;
    let ending = if keep {
        Ending::Stays
    } else if cluster.is_owned() {
        Ending::GoesWithCluster
    } else {
        Ending::Removed
    };
    let figures = demo::run(&site, cluster.client(), image::PLENUM_REFERENCE, ending).await;
    if figures.is_err()
        && let Err(error) = cluster.dump_components(&args.reports.join("failed/demo"))
    {
        eprintln!("no logs of the components: {error:#}");
    }
    if !cluster.is_owned() {
        println!(
            "  the cluster stays up until make down: export KUBECONFIG={}",
            cluster.commands().kubeconfig().display()
        );
    }
    cluster.stop()?;
    figures
}

fn test(
    runtime: &tokio::runtime::Runtime,
    args: &SiteArgs,
    filter: Option<String>,
) -> Result<ExitCode> {
    let world = runtime.block_on(async {
        let cluster = args.cluster(Lifetime::UntilDropped).await?;
        if !cluster.is_owned() {
            exit_on_interrupt()?;
        }
        let site = args.site(cluster.commands().clone())?;
        World::install(site, cluster, image::PLENUM_REFERENCE).await
    })?;
    Ok(scenarios::run(world, runtime.handle(), filter).exit_code())
}

async fn up(config: Config) -> Result<()> {
    let cluster = Cluster::start(config).await?;
    let layout = cluster.layout();
    println!("export KUBECONFIG={}", layout.kubeconfig().display());
    println!(
        "export PATH={}:$PATH  # kubectl, helm",
        layout.programs().display()
    );
    Ok(())
}

fn down() -> Result<()> {
    teardown::down(&Layout::from_environment()?)?;
    println!("the cluster is down");
    Ok(())
}
