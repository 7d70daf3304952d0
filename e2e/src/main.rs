//! `plenum-e2e`: a Kubernetes cluster on this machine, for tests and demonstrations.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};
use plenum_e2e::{
    Cluster, Config, Labelled, Layout, Lifetime, Tools, host_packages, image, teardown,
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
    Tools,
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
    /// Write the state, events and logs of the running cluster to a directory
    Dump {
        /// Where to
        directory: PathBuf,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Tools => tools(),
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
    }
}

fn tools() -> Result<()> {
    host_packages::check()?;
    let layout = Layout::from_environment()?;
    Tools::ensure(&layout)?;
    println!("tools are ready in {}", layout.tools().display());
    Ok(())
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
