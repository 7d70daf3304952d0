//! The steps one by one, for those who want to see each: `plenum doctor`.

use std::time::{Duration, Instant};

use plenum_wire::directory::LookupRequest;
use url::Url;

use super::SAMPLES;
use super::doors;
use super::errand::{self, Looks, Question};
use super::places::Places;
use super::words::{Failure, Fault, Unanswered};
use crate::network::Network;

/// What pings of one controller or tunnel have shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pings {
    /// The first, with connecting and TLS.
    pub first: Duration,
    /// The others.
    pub samples: Vec<Duration>,
}

/// Looks a meeting up at one directory.
pub async fn look_up(
    network: &Network,
    directory: &Url,
    request: LookupRequest,
    token: Option<&str>,
) -> Result<Places, Unanswered> {
    let bearer = doors::header(token).map_err(|error| {
        Unanswered::Failed(Failure {
            fault: Fault::Nonsense,
            at: directory.to_string(),
            reason: error.to_string(),
            proxy: None,
        })
    })?;
    let question = Question { request, bearer };
    let lookup = errand::look_up(network.http(), directory, &question).await?;
    Ok(Places::of(lookup, Instant::now()))
}

/// Pings one controller or tunnel as the network test does.
pub async fn ping(network: &Network, server: &Url) -> Result<Pings, Failure> {
    let looks = Looks::default();
    let first = errand::ping(network.http(), server, &looks).await?;
    let mut samples = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        samples.push(errand::ping(network.http(), server, &looks).await?);
    }
    Ok(Pings { first, samples })
}

/// What answers in place of a server, in words, if this network wants a sign-in first.
pub async fn captive_portal(network: &Network, server: &Url) -> Option<String> {
    errand::answers_for(network.http(), server).await
}
