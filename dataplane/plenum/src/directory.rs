//! `plenum directory`: accounts, meetings and the registry of zones, and the lookup that
//! starts every join. Wiring only: `plenum-directory` decides.
//!
//! | file | what it does |
//! |---|---|
//! | `serving` | runs the directory: its ports, its database, its end |
//! | `port` | what is told of its port: who did not get through, and how long its certificate holds |
//! | `following` | makes it a replica of another one |
//! | `setting_up` | the first account, zones, replicas and meetings, from a shell on the database |
//! | `authority` | shows who vouches for it |
//! | `api` | shows what it can be asked |

mod api;
mod authority;
pub(crate) mod following;
mod port;
mod serving;
mod setting_up;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Subcommand;
use plenum_directory::store::{self, Store};
use tokio_util::sync::CancellationToken;

use crate::Output;

/// The command line of `plenum directory`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  plenum directory user add --admin ada --data-dir directory\n  plenum directory --self-signed --data-dir directory"
)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    serving: serving::Args,
    /// What to print.
    #[arg(long, value_enum, default_value_t = Output::Text, global = true)]
    output: Output,
}

/// Where the directory keeps what it knows.
#[derive(Debug, clap::Args)]
struct Database {
    /// Where the directory keeps its database and authority, where no others are given.
    #[arg(
        long,
        value_name = "DIR",
        default_value = "plenum-directory",
        global = true
    )]
    data_dir: PathBuf,
    /// `sqlite://FILE` or `postgres://USER:PASSWORD@HOST/DATABASE`; directory.db in the data
    /// directory if not given.
    #[arg(
        long,
        value_name = "URL",
        env = "PLENUM_DATABASE",
        hide_env_values = true,
        global = true
    )]
    database: Option<String>,
}

impl Database {
    fn data_dir(&self) -> anyhow::Result<&Path> {
        std::fs::create_dir_all(&self.data_dir)
            .with_context(|| format!("--data-dir {}", self.data_dir.display()))?;
        Ok(&self.data_dir)
    }

    fn config(&self) -> anyhow::Result<store::Config> {
        let config = match &self.database {
            Some(url) => store::Config::new(url),
            None => store::Config::file(&self.data_dir()?.join("directory.db")),
        };
        if config.is_exposed() {
            tracing::warn!(
                "nobody vouches for the database: whoever is on the way to it may read signing \
                 keys, and answer in its place; write sslmode=verify-full into its URL"
            );
        }
        Ok(config)
    }

    async fn open(&self) -> anyhow::Result<Store> {
        Store::open(&self.config()?).await.context("--database")
    }
}

/// What else there is to do with a directory.
#[derive(Debug, Subcommand)]
enum Action {
    /// Print the certificate of its own authority, for clients and zones.
    Ca,
    /// Print the OpenAPI document of its API.
    Openapi,
    #[command(flatten)]
    SetUp(SetUp),
}

/// What is done with its database.
#[derive(Debug, Subcommand)]
enum SetUp {
    /// Accounts.
    #[command(subcommand)]
    User(setting_up::User),
    /// Zones.
    #[command(subcommand)]
    Zone(setting_up::Zone),
    /// Replicas.
    #[command(subcommand)]
    Replica(setting_up::Replica),
    /// Meetings.
    #[command(subcommand)]
    Meeting(setting_up::Meeting),
}

impl Args {
    /// Whether it serves, rather than changing something and ending.
    #[must_use]
    pub const fn serves(&self) -> bool {
        self.action.is_none()
    }
}

/// Runs `plenum directory` until `stop` is cancelled, or until what was asked for is done.
pub async fn run(args: Args, stop: CancellationToken) -> anyhow::Result<()> {
    match args.action {
        None => serving::run(args.serving, &args.database, args.output, stop).await,
        Some(Action::Ca) => authority::show(&args.database.data_dir, args.output),
        Some(Action::Openapi) => {
            api::show();
            Ok(())
        }
        Some(Action::SetUp(what)) => set_up(&args.database, what, args.output).await,
    }
}

async fn set_up(database: &Database, what: SetUp, output: Output) -> anyhow::Result<()> {
    let store = database.open().await?;
    following::writable(&store).await?;
    let done = match what {
        SetUp::User(action) => setting_up::user(&store, action, output).await,
        SetUp::Zone(action) => setting_up::zone(&store, action, output).await,
        SetUp::Replica(action) => setting_up::replica(&store, action, output).await,
        SetUp::Meeting(action) => setting_up::meeting(&store, action, output).await,
    };
    store.close().await;
    done
}
