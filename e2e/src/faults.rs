//! The fault suite: the operator on a real API server through a proxy of ours, which loses,
//! refuses and delays what passes, while people come and go on routers that are played.
//!
//! | file | idea |
//! |---|---|
//! | `suite` | all schedules of all cases, so many at a time |
//! | `story` | what happens in each case: the first to read |
//! | `cases` | T1 to T11, what is done to the story |
//! | `rules` | T10: what must hold after every step, pure |
//! | `observer`, `mirror` | watches of the API server that feed the rules |
//! | `normal`, `settled`, `state` | what a world came to, when it rests, which state it is in; pure |
//! | `even` | whether the machine stood still meanwhile |
//! | `proxy` | counts, delays, refuses and drops requests by a script |
//! | `operator` | one run of the operator, to be killed at any step |
//! | `people`, `dice` | who is on which router, pure; a schedule's chance |
//! | `kubelets`, `controllers` | players of nodes, pods and zone controllers |
//! | `schema` | mutations of a resource from its schema, pure |
//! | `world` | all of it together: a small cluster in a slice of the API server |
//! | `hands` | what a case does to a world as a person would |
//! | `journal` | what happened, for whoever looks for a cause |
//! | `report` | the table, and `faults.json` |
//!
//! Guarantees: a schedule is given by its case and seed; nothing is left behind. What a seed does
//! not decide is which of two processes is faster, so that a failure may need more than one try.
//!
//! It knows nothing of containers and media.

mod cases;
mod controllers;
mod dice;
mod even;
mod hands;
mod journal;
mod kubelets;
mod mirror;
mod normal;
mod observer;
mod operator;
mod people;
mod proxy;
mod report;
mod rules;
mod schema;
mod settled;
mod state;
mod story;
mod suite;
mod world;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::PostParams;
use kube::{Api, Client};
use plenum_crds::yaml::definitions;
use tokio::time::timeout;

use crate::cluster::bare::Bare;
use cases::Case;
use suite::Suite;
use world::Ground;

/// How long the API server may take to know a new kind.
const KINDS_WITHIN: Duration = Duration::from_mins(2);

/// What is tried.
#[derive(Debug, Args)]
pub struct Options {
    /// Cases by their names, T1 to T11; all if none is named
    #[arg(value_name = "CASE")]
    pub cases: Vec<String>,
    /// Only the schedule of this seed, again; with --schedules so often
    #[arg(long)]
    pub seed: Option<u64>,
    /// So many schedules of each case
    #[arg(long)]
    pub schedules: Option<u64>,
    /// As many as there are: every write, every answer
    #[arg(long)]
    pub long: bool,
    /// Worlds at the same time; they wait most of the time
    #[arg(long, default_value_t = 8)]
    pub parallel: usize,
    /// Where the report goes
    #[arg(long, default_value = "target/reports")]
    pub reports: PathBuf,
}

/// Tries them; prints a table and writes `faults.json`. Fails when anything did not hold.
pub async fn run(options: &Options) -> Result<()> {
    let cases = chosen(&options.cases)?;
    let bare = Bare::start("faults").await?;
    define(&bare.client()?).await?;
    bare.start_controllers()?;
    let ground = Ground {
        config: bare.config().clone(),
        client: bare.client()?,
        tls: proxy::tls(&bare.layout().pki())?,
        states: Arc::new(Mutex::new(HashSet::new())),
    };
    let states = ground.states.clone();
    let suite = Suite::new(ground, &options.reports);
    let reference = suite
        .reference()
        .await
        .context("the story without faults")?;
    println!("  the story takes {} writes", reference.writes);
    let rows = suite.try_all(&cases, &reference, options).await;
    let states = states.lock().unwrap_or_else(PoisonError::into_inner).len();
    report::write(&rows, states, reference.writes, &options.reports)?;
    let failures: usize = rows.iter().map(|row| row.failures.len()).sum();
    ensure!(failures == 0, "{failures} schedules failed");
    Ok(())
}

fn chosen(names: &[String]) -> Result<Vec<&'static Case>> {
    let known = |name: &String| {
        cases::ALL
            .iter()
            .any(|it| it.name.eq_ignore_ascii_case(name))
    };
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        let all: Vec<&str> = cases::ALL.iter().map(|case| case.name).collect();
        bail!("there is no case {unknown}: choose of {}", all.join(", "));
    }
    let wanted = |case: &&Case| {
        names.is_empty()
            || names
                .iter()
                .any(|name| case.name.eq_ignore_ascii_case(name))
    };
    Ok(cases::ALL.iter().filter(wanted).collect())
}

/// The kinds of Plenum, before anything asks for them.
async fn define(client: &Client) -> Result<()> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in definitions() {
        let definition: CustomResourceDefinition = serde_json::from_value(definition)?;
        api.create(&PostParams::default(), &definition).await?;
    }
    let served = async {
        for kind in ["meetingzones", "mmrpools"] {
            let path = format!("/apis/plenum.dev/v1alpha1/{kind}");
            loop {
                let request = http::Request::get(&path).body(Vec::new())?;
                if client.request_text(request).await.is_ok() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        anyhow::Ok(())
    };
    timeout(KINDS_WITHIN, served)
        .await
        .context("the API server does not serve our kinds")?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_named_as_in_the_table() {
        assert_eq!(chosen(&[]).unwrap().len(), cases::ALL.len());
        assert_eq!(chosen(&["t11".to_owned()]).unwrap()[0].name, "T11");
        let unknown = chosen(&["T99".to_owned()]).err().unwrap();
        assert!(unknown.to_string().contains("T1, T2"), "{unknown}");
    }
}
