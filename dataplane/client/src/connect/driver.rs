//! Does what [`Connecting`] decides: one task for each errand, one loop for all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use plenum_wire::MeetingId;
use plenum_wire::directory::LookupRequest;
use plenum_wire::join::JoinRequest;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;
use tokio_util::task::AbortOnDropHandle;
use tracing::{Instrument as _, Span};
use url::Url;

use super::connecting::{Connecting, Setting};
use super::doors::{self, Doors};
use super::errand::{Looks, Question, look_up, ping, reach};
use super::places::Places;
use super::words::{
    Action, Attempt, Failure, Found, Input, News, Out, Path, Setback, Target, Unanswered, Waiting,
};
use crate::error::JoinError;
use crate::network::Network;
use crate::zone::{self, Zone};

/// How many answers may wait: all that one test can bring at once.
const INBOX: usize = 64;

/// What a run comes to.
pub(crate) struct Arrived {
    pub found: Box<Found>,
    /// By which the router is reached.
    pub network: Network,
    /// As [`Connecting::places`] and [`Connecting::admission`].
    pub places: Places,
    pub admission: Option<String>,
}

/// One run of [`Connecting`] in the world.
pub(crate) struct Driver<'a> {
    pub doors: Doors<'a>,
    pub meeting: &'a MeetingId,
    pub directories: &'a [Url],
    pub question: &'a Question,
    pub request: JoinRequest,
    /// Without those that have answered: who waits for a host asks hundreds of times.
    running: BTreeMap<Attempt, AbortOnDropHandle<()>>,
    /// Whether the network wants a sign-in, by each way out: of controllers and of tunnels, in the
    /// test that began then.
    looks: BTreeMap<(bool, Out), (Option<Instant>, Arc<Looks>)>,
    tell: mpsc::Sender<Input>,
    inbox: mpsc::Receiver<Input>,
}

impl<'a> Driver<'a> {
    pub fn new(
        doors: Doors<'a>,
        meeting: &'a MeetingId,
        directories: &'a [Url],
        question: &'a Question,
        request: JoinRequest,
    ) -> Self {
        let (tell, inbox) = mpsc::channel(INBOX);
        Self {
            doors,
            meeting,
            directories,
            question,
            request,
            running: BTreeMap::new(),
            looks: BTreeMap::new(),
            tell,
            inbox,
        }
    }

    /// Runs to the end. Who stops it before that goes on with what `waiting` was told last.
    pub async fn run(
        mut self,
        setting: Setting,
        waiting: &watch::Sender<Option<Waiting>>,
    ) -> Result<Arrived, JoinError> {
        let mut connecting = Connecting::new(setting, now());
        loop {
            while let Some(action) = connecting.poll() {
                if let Action::Done(result) = action {
                    let found = result?;
                    let places = connecting.places().clone();
                    let way = self.doors.towards(&places, found.zone, found.path);
                    let network = way.map_err(|why| JoinError::Configuration(why.reason))?;
                    return Ok(Arrived {
                        found,
                        network,
                        places,
                        admission: connecting.admission().cloned(),
                    });
                }
                self.act(action, &connecting);
            }
            if let Some(waits) = connecting.waiting() {
                waiting.send_replace(Some(waits));
            }
            let due = connecting.next_timeout().unwrap_or_else(now);
            tokio::select! {
                input = self.answered() => connecting.handle(input, now()),
                () = sleep_until(due.into()) => connecting.handle_timeout(now()),
            }
        }
    }

    /// The next answer. Stopped while it waits, it loses none.
    async fn answered(&mut self) -> Input {
        let input = self.inbox.recv().await;
        let input = input.expect("it has a sender itself");
        self.running.remove(&input.attempt());
        input
    }

    fn act(&mut self, action: Action, connecting: &Connecting) {
        let places = connecting.places();
        match action {
            Action::Reach {
                attempt,
                directory,
                out,
            } => self.reach(attempt, directory, out),
            Action::Lookup {
                attempt,
                directory,
                out,
                waiting,
                begin_in,
            } => {
                let question = LookupRequest {
                    waiting,
                    begin_in,
                    ..self.question.request.clone()
                };
                self.look_up(attempt, directory, out, question);
            }
            Action::Ping {
                attempt,
                target,
                out,
            }
            | Action::PingAgain {
                attempt,
                target,
                out,
            } => match self.target(places, target, out) {
                Ok((url, network)) => {
                    let test = connecting.test_of(target);
                    let looks = self.looks(target, out, test);
                    self.ping(attempt, url, &network, looks);
                }
                Err(failure) => self.answer(Input::PingFailed(attempt, failure), attempt),
            },
            Action::Ask {
                attempt,
                zone,
                first,
                path,
                forgive,
            } => {
                if forgive {
                    self.request.exclude.clear();
                }
                match self.zone(places, zone, path, first) {
                    Ok((asked, first)) => self.ask(attempt, asked, first),
                    Err(failure) => {
                        let answer = Err(Setback::Failed(vec![(0, failure)]));
                        self.answer(Input::Answer(attempt, answer), attempt);
                    }
                }
            }
            Action::Cancel(attempt) => {
                self.running.remove(&attempt);
            }
            Action::Tell(News::WaitingForHost) => {
                tracing::info!("waiting for a host to let us in");
            }
            Action::Tell(News::NotYet) => {
                tracing::info!("waiting for the meeting to begin");
            }
            Action::Done(_) => {}
        }
    }

    fn reach(&mut self, attempt: Attempt, directory: usize, out: Out) {
        let url = self.directories[directory].clone();
        match self.doors.directory(&url, out) {
            Ok(network) => {
                let tell = self.tell.clone();
                self.start(attempt, async move {
                    let reached = reach(network.http(), &url).await;
                    // Who no longer waits needs no answer.
                    let _ = tell.send(Input::Reached(attempt, reached)).await;
                });
            }
            Err(failure) => self.answer(Input::Reached(attempt, Err(failure)), attempt),
        }
    }

    fn look_up(&mut self, attempt: Attempt, directory: usize, out: Out, request: LookupRequest) {
        let url = self.directories[directory].clone();
        match self.doors.directory(&url, out) {
            Ok(network) => {
                let question = Question {
                    request,
                    bearer: self.question.bearer.clone(),
                };
                let tell = self.tell.clone();
                let server = url.host_str();
                let span =
                    tracing::debug_span!("lookup", otel.kind = "client", server.address = server);
                self.start(attempt, async move {
                    let looking = look_up(network.http(), &url, &question);
                    let answer = looking.instrument(span).await;
                    let answer = answer.map(|lookup| Places::of(lookup, Instant::now()));
                    // Who no longer waits needs no answer.
                    let _ = tell.send(Input::Lookup(attempt, answer)).await;
                });
            }
            Err(failure) => {
                let answer = Err(Unanswered::Failed(failure));
                self.answer(Input::Lookup(attempt, answer), attempt);
            }
        }
    }

    /// Those of a test that goes on: what one has shown the next has to see again.
    fn looks(&mut self, target: Target, out: Out, test: Option<Instant>) -> Arc<Looks> {
        let kind = (matches!(target, Target::Tunnel(_)), out);
        let (of, looks) = self.looks.entry(kind).or_default();
        if test.is_some() && *of != test {
            (*of, *looks) = (test, Arc::default());
        }
        Arc::clone(looks)
    }

    fn ping(&mut self, attempt: Attempt, url: Url, network: &Network, looks: Arc<Looks>) {
        let (http, tell) = (network.http().clone(), self.tell.clone());
        self.start(attempt, async move {
            let input = match ping(&http, &url, &looks).await {
                Ok(took) => Input::Pong(attempt, took),
                Err(failure) => Input::PingFailed(attempt, failure),
            };
            // Who no longer waits needs no answer.
            let _ = tell.send(input).await;
        });
    }

    fn ask(&mut self, attempt: Attempt, zone: Zone, first: Option<usize>) {
        let (meeting, request) = (self.meeting.clone(), self.request.clone());
        let tell = self.tell.clone();
        // Its requests belong to the join.
        let span = Span::current();
        self.start(attempt, async move {
            let asking = zone.ask(&meeting, &request, first);
            let answer = asking.instrument(span).await;
            let _ = tell.send(Input::Answer(attempt, answer)).await;
        });
    }

    fn start(&mut self, attempt: Attempt, errand: impl Future<Output = ()> + Send + 'static) {
        let task = AbortOnDropHandle::new(tokio::spawn(errand));
        self.running.insert(attempt, task);
    }

    /// What is known without asking comes as late as what was asked: never within a decision.
    fn answer(&mut self, input: Input, attempt: Attempt) {
        let tell = self.tell.clone();
        self.start(attempt, async move {
            let _ = tell.send(input).await;
        });
    }

    fn target(
        &mut self,
        places: &Places,
        target: Target,
        out: Out,
    ) -> Result<(Url, Network), Failure> {
        let (zone, what, text) = match target {
            Target::Controller(zone, index) => {
                (zone, "controller", &places.zones[zone].controllers[index])
            }
            Target::Tunnel(tunnel) => {
                let place = &places.zones[tunnel.zone];
                (tunnel.zone, "tunnel", &place.tunnels[tunnel.index])
            }
        };
        let url = doors::read(what, text)?;
        let network = self.doors.zone(&places.zones[zone], &url, out)?;
        Ok((url, network))
    }

    /// A zone's controllers by a path, and which of them is to be asked first.
    fn zone(
        &mut self,
        places: &Places,
        zone: usize,
        path: Path,
        first: Option<usize>,
    ) -> Result<(Zone, Option<usize>), Failure> {
        let found = self.doors.controllers(places, zone, path)?;
        let token = doors::header(places.token.as_deref())
            .map_err(|error| doors::odd(&found[0].url, error.to_string()))?;
        let first = first.and_then(|first| found.iter().position(|it| it.index == first));
        let controllers = found.into_iter().map(|it| zone::Controller {
            place: it.index,
            http: it.network.http().clone(),
            url: it.url,
        });
        Ok((Zone::new(controllers.collect(), token), first))
    }
}

/// By the clock by which is slept: a test may stop it.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
mod tests;
