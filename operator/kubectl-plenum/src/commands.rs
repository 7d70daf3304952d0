//! One command after the other: look, judge, write.

use std::future::Future;
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::arguments::{Arguments, Command, Connection, Drain, Format, Output, Top};
use crate::cluster::{self, Cluster, Wants, connect, gather, look};
use crate::drain::{self, Objection, Outcome};
use crate::render::{DIM, paint};
use crate::snapshot::{Snapshot, Trouble, name_of, namespace_of};
use crate::waiting::until_drained;
use crate::{bundle, doctor, meetings, status, top};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All is well, or done.
    Well,
    /// Something is wrong, or not done.
    Wrong,
    /// The API server could not be asked.
    Unasked,
}

impl Ending {
    /// The exit status.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Well => 0,
            Self::Wrong => 1,
            Self::Unasked => 3,
        }
    }
}

impl From<bool> for Ending {
    fn from(well: bool) -> Self {
        if well { Self::Well } else { Self::Wrong }
    }
}

/// Runs the command; what cannot be done is a sentence.
pub async fn run(arguments: Arguments) -> anyhow::Result<Ending> {
    let cluster = match connect(&arguments.connection).await {
        Ok(cluster) => cluster,
        Err(trouble) => return Ok(complain(&trouble)),
    };
    if let Err(trouble) = cluster.reach().await {
        return Ok(complain(&trouble));
    }
    let place = Place::new(&arguments.connection, &cluster);
    match arguments.command {
        Command::Status { zone, output } => show_status(&cluster, &place, zone, output).await,
        Command::Top(top) => show_top(&cluster, &place, top).await,
        Command::Drain(drain) => do_drain(&cluster, drain).await,
        Command::Meetings { zone, output } => show_meetings(&cluster, &place, zone, output).await,
        Command::Doctor { output } => show_diagnosis(&cluster, &place, output).await,
        Command::SupportBundle { output } => write_bundle(&cluster, &place, output).await,
    }
}

/// Where to look.
struct Place {
    /// As asked for; `None` is all.
    narrow: Option<String>,
    /// The same for commands that look everywhere unless told otherwise.
    wide: Option<String>,
}

impl Place {
    fn new(connection: &Connection, cluster: &Cluster) -> Self {
        let named = connection.namespace.clone();
        let narrow = named.clone().unwrap_or_else(|| cluster.namespace.clone());
        Self {
            narrow: (!connection.all_namespaces).then_some(narrow),
            wide: named,
        }
    }
}

async fn show_status(
    cluster: &Cluster,
    place: &Place,
    zone: Option<String>,
    output: Output,
) -> anyhow::Result<Ending> {
    let looking = async {
        let mut seen = look(cluster, place.narrow.as_deref(), Wants::ZONES).await;
        cluster.ask_routers(&mut seen, zone.as_deref()).await;
        seen
    };
    let seen = patiently(looking).await;
    if let Some(ending) = no_zone(&seen, zone.as_deref()) {
        return Ok(ending);
    }
    let report = status::report(&seen, zone.as_deref());
    print(&report, output.output)?;
    Ok(report.healthy.into())
}

async fn show_meetings(
    cluster: &Cluster,
    place: &Place,
    zone: Option<String>,
    output: Output,
) -> anyhow::Result<Ending> {
    let seen = look(cluster, place.narrow.as_deref(), Wants::PODS).await;
    if let Some(ending) = no_zone(&seen, zone.as_deref()) {
        return Ok(ending);
    }
    let mut zones = Vec::new();
    for it in seen.zones.iter() {
        let (namespace, name) = (namespace_of(it), name_of(it));
        if zone.as_deref().is_none_or(|zone| zone == name) {
            let answer = cluster::whereabouts(cluster, &seen, namespace, name).await;
            zones.push(meetings::zone(&seen, namespace, name, answer));
        }
    }
    let report = meetings::Report {
        schema: meetings::SCHEMA,
        zones,
    };
    print(&report, output.output)?;
    let told = |zone: &meetings::Zone| zone.trouble.is_none();
    Ok(report.zones.iter().all(told).into())
}

/// Why there is nothing to show.
fn no_zone(seen: &Snapshot, zone: Option<&str>) -> Option<Ending> {
    if let [trouble, ..] = seen.zones.troubles.as_slice() {
        return Some(complain(trouble));
    }
    if seen
        .zones
        .iter()
        .any(|it| zone.is_none_or(|zone| zone == name_of(it)))
    {
        return None;
    }
    let place = seen.namespace.as_ref();
    let place = place.map_or_else(String::new, |it| format!(" in the namespace {it}"));
    let which = zone.map_or_else(
        || "is no zone".to_owned(),
        |zone| format!("is no zone {zone}"),
    );
    let there: Vec<&str> = seen.zones.iter().map(name_of).collect();
    let remedy = match there.as_slice() {
        [] => "-n NAMESPACE looks elsewhere, -A everywhere; kubectl plenum doctor says what is missing".to_owned(),
        some => format!("these are there: {}", some.join(", ")),
    };
    complain(&Trouble {
        what: format!("there {which}{place}"),
        remedy,
    });
    Some(Ending::Wrong)
}

async fn show_diagnosis(
    cluster: &Cluster,
    place: &Place,
    output: Output,
) -> anyhow::Result<Ending> {
    let seen = patiently(look(cluster, place.wide.as_deref(), Wants::ALL)).await;
    let report = doctor::diagnose(&seen);
    print(&report, output.output)?;
    Ok(report.healthy.into())
}

async fn show_top(cluster: &Cluster, place: &Place, args: Top) -> anyhow::Result<Ending> {
    let live = std::io::stdout().is_terminal() && args.output.output.is_none();
    let count = args.count.unwrap_or(if live { u64::MAX } else { 1 });
    let interval = Duration::from_secs(args.interval);
    let sight = || async {
        let mut seen = look(cluster, place.narrow.as_deref(), Wants::PODS).await;
        cluster.ask_routers(&mut seen, args.zone.as_deref()).await;
        let trouble = seen.pods.troubles.first().cloned();
        let look = top::Look::at(&seen, args.zone.as_deref());
        trouble.map_or(Ok((look, Instant::now())), Err)
    };
    let (mut before, mut then) = match sight().await {
        Ok(sight) => sight,
        Err(trouble) => return Ok(complain(&trouble)),
    };
    for _ in 0..count {
        tokio::time::sleep(interval).await;
        let (after, now) = match sight().await {
            Ok(sight) => sight,
            Err(trouble) => return Ok(complain(&trouble)),
        };
        let board = top::board(&before, &after, now.duration_since(then));
        if live {
            // Home, and clear what is below.
            anstream::print!("\x1b[H\x1b[2J");
        }
        print(&board, args.output.output)?;
        (before, then) = (after, now);
    }
    Ok(Ending::Well)
}

async fn do_drain(cluster: &Cluster, args: Drain) -> anyhow::Result<Ending> {
    let (node, seen) = match cluster.before_drain(&args.node).await {
        Ok(found) => found,
        Err(trouble) => return Ok(complain(&trouble)),
    };
    if !args.cancel {
        match drain::objection(&seen, &node) {
            Some(Objection::NoRouter(why)) => {
                anstream::eprintln!("error: {why}");
                return Ok(Ending::Wrong);
            }
            Some(Objection::Waits(why)) => anstream::eprintln!("note: {why}"),
            None => {}
        }
    }
    let patch = drain::patch(args.cancel, seen.now);
    if let Err(trouble) = cluster.patch_node(&args.node, &patch).await {
        return Ok(complain(&trouble));
    }
    let outcome = if args.wait {
        let look = || drained(cluster, &args.node);
        until_drained(args.timeout, look, |news| anstream::eprintln!("{news}")).await
    } else {
        drained(cluster, &args.node).await
    };
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(trouble) => return Ok(complain(&trouble)),
    };
    if args.output.output.is_some() {
        print_as(&outcome, args.output.output)?;
    } else {
        anstream::println!("{}", outcome.message);
    }
    // Without --wait it is done when it is asked for.
    Ok((!args.wait || outcome.drained).into())
}

async fn drained(cluster: &Cluster, name: &str) -> Result<Outcome, Trouble> {
    let found = cluster.on_node(name).await?;
    let outcome = found.map(|(node, seen)| drain::outcome(&seen, &node));
    Ok(outcome.unwrap_or_else(|| drain::gone(name)))
}

async fn write_bundle(
    cluster: &Cluster,
    place: &Place,
    output: Option<std::path::PathBuf>,
) -> anyhow::Result<Ending> {
    let gathered = gather(cluster, place.wide.as_deref(), note).await;
    let now = gathered.snapshot.now;
    let name = bundle::default_name(now);
    let root = name.trim_end_matches(".tar.gz").to_owned();
    let files = bundle::files(&gathered);
    let path = output.unwrap_or_else(|| name.into());
    if path.as_os_str() == "-" {
        bundle::archive::write(&files, &root, now, std::io::stdout().lock())?;
        return Ok(Ending::Well);
    }
    let why = |error| {
        anyhow::anyhow!(
            "could not write {}: {error}; -o FILE writes elsewhere",
            path.display()
        )
    };
    let file = private(&path).map_err(why)?;
    bundle::archive::write(&files, &root, now, file).map_err(why)?;
    let unseen = match gathered.troubles.len() {
        0 => String::new(),
        some => format!("; {some} things could not be had, see about.json"),
    };
    anstream::eprintln!(
        "{}: {} files, secrets removed{unseen}",
        path.display(),
        files.len()
    );
    Ok(Ending::Well)
}

/// A file that only its owner reads.
fn private(path: &std::path::Path) -> std::io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn complain(trouble: &Trouble) -> Ending {
    anstream::eprintln!("error: {}\n  do: {}", trouble.what, trouble.remedy);
    Ending::Unasked
}

/// What is done now, where somebody looks on.
fn note(doing: &str) {
    if std::io::stderr().is_terminal() {
        anstream::eprintln!("{}", paint(DIM, doing));
    }
}

/// A look that takes long says that it is at work.
async fn patiently(look: impl Future<Output = Snapshot>) -> Snapshot {
    tokio::pin!(look);
    let soon = tokio::time::timeout(Duration::from_secs(2), &mut look);
    if let Ok(seen) = soon.await {
        return seen;
    }
    note("asking the pods ...");
    look.await
}

fn print(
    report: &(impl Serialize + std::fmt::Display),
    format: Option<Format>,
) -> anyhow::Result<()> {
    if format.is_some() {
        return print_as(report, format);
    }
    let mut out = anstream::stdout().lock();
    write!(out, "{report}")?;
    out.flush()?;
    Ok(())
}

fn print_as(report: &impl Serialize, format: Option<Format>) -> anyhow::Result<()> {
    let text = match format {
        Some(Format::Yaml) => format!("---\n{}", serde_yaml::to_string(report)?),
        _ => serde_json::to_string_pretty(report)? + "\n",
    };
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}
