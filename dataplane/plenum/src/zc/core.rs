//! The task that owns the broker. Everybody else sends it messages.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use plenum_transport::channel;
use plenum_wire::directory::Expected;
use plenum_wire::join::Refusal;
use plenum_wire::link::{COALESCE_MS, HEARTBEAT_MS, Member, RouterTarget, ToOperator, ToRouter};
use plenum_wire::whereabouts::{MEETINGS, Whereabouts};
use plenum_wire::{MeetingId, RouterId};
use plenum_zone::outward::Summary;
use plenum_zone::{Action, Answer, Broker, Event, Join, Link, Order, Request};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::keys::KeyRing;
use super::metrics::Metrics;
use super::offers::offer;

/// Messages that may wait for the broker. It takes some 10 us for each.
const QUEUE: usize = 4_096;
/// A join that the broker has not answered by then is refused: it is far behind.
const PATIENCE: Duration = Duration::from_secs(2);
/// Offers in one message to a router. With every name at its longest one is below 2 kB, so
/// that a message stays below half of [`plenum_wire::limits::MESSAGE_BYTES`], and a meeting of
/// any size can move.
const OFFERS: usize = 256;
/// WebSocket close code of a link that the broker wants closed: connect again (RFC 6455,
/// registered as "Service Restart").
const CLOSE_AGAIN: u16 = 1012;

/// To the broker's task. Clones ask the same one.
#[derive(Clone)]
pub struct Ask(mpsc::Sender<Message>);

enum Message {
    Join(Question, oneshot::Sender<Answer>),
    Router(Link, channel::Sender<ToRouter>),
    Operator(Link, String, channel::Sender<ToOperator>),
    Event(Event),
    Expected(Vec<Expected>),
    Summary(oneshot::Sender<Summary>),
    Targets(oneshot::Sender<Vec<RouterTarget>>),
    Whereabouts(oneshot::Sender<Whereabouts>),
}

/// A join without its number.
pub struct Question {
    pub meeting: MeetingId,
    pub who: Member,
    pub from: Option<RouterId>,
    pub exclude: Vec<RouterId>,
}

impl Ask {
    /// Where somebody goes.
    pub async fn place(&self, question: Question) -> Answer {
        let (reply, answer) = oneshot::channel();
        let asked = async {
            self.0.send(Message::Join(question, reply)).await.ok()?;
            answer.await.ok()
        };
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Some(answer)) => answer,
            // It has stopped, or is hopelessly behind: another controller may do better.
            Ok(None) | Err(_) => Answer::Refused(Refusal::NoRouter),
        }
    }

    /// A router's link is up; its `hello` follows.
    pub async fn router(&self, link: Link, sender: channel::Sender<ToRouter>) {
        self.tell(Message::Router(link, sender)).await;
    }

    /// An operator's link is up; reports go to it, by this controller's name.
    pub async fn operator(&self, link: Link, name: String, sender: channel::Sender<ToOperator>) {
        self.tell(Message::Operator(link, name, sender)).await;
    }

    /// Something happened on a link, or a directory told something.
    pub async fn event(&self, event: Event) {
        self.tell(Message::Event(event)).await;
    }

    /// Who is expected soon, in place of what was said before: for the operator.
    pub async fn expected(&self, expected: Vec<Expected>) {
        self.tell(Message::Expected(expected)).await;
    }

    /// The zone in figures; `None` once the broker has stopped.
    pub async fn summary(&self) -> Option<Summary> {
        let (reply, summary) = oneshot::channel();
        self.0.send(Message::Summary(reply)).await.ok()?;
        summary.await.ok()
    }

    /// Where the routers in touch are; `None` once the broker has stopped.
    pub async fn targets(&self) -> Option<Vec<RouterTarget>> {
        let (reply, targets) = oneshot::channel();
        self.0.send(Message::Targets(reply)).await.ok()?;
        targets.await.ok()
    }

    /// Which meetings are where; `None` once the broker has stopped.
    pub async fn whereabouts(&self) -> Option<Whereabouts> {
        let (reply, whereabouts) = oneshot::channel();
        self.0.send(Message::Whereabouts(reply)).await.ok()?;
        whereabouts.await.ok()
    }

    async fn tell(&self, message: Message) {
        // After the stop nobody listens, and nothing is lost by that.
        let _ = self.0.send(message).await;
    }
}

/// The broker's task. Without it a controller is alive and of no use.
pub struct Task(JoinHandle<()>);

impl Task {
    /// Ends only if the task ended although nobody stopped it.
    pub async fn failed(self, stop: &CancellationToken) -> anyhow::Error {
        let ended = self.0.await;
        if stop.is_cancelled() {
            std::future::pending::<()>().await;
        }
        match ended {
            Ok(()) => anyhow!("the broker ended"),
            Err(failed) => anyhow!("the broker failed: {failed}"),
        }
    }
}

/// A broker that runs.
pub struct Running {
    pub ask: Ask,
    /// Becomes true when the controller is ready.
    pub ready: watch::Receiver<bool>,
    /// Changes when the zone does.
    pub changed: watch::Receiver<u64>,
    pub task: Task,
}

/// Starts the broker.
pub fn start(keys: watch::Receiver<KeyRing>, metrics: Metrics, stop: CancellationToken) -> Running {
    let (sender, messages) = mpsc::channel(QUEUE);
    let (ready, became_ready) = watch::channel(false);
    let (reported, changed) = watch::channel(0);
    let core = Core {
        broker: Broker::new(),
        keys,
        metrics,
        ready,
        routers: BTreeMap::new(),
        operators: BTreeMap::new(),
        expected: Vec::new(),
        waiting: BTreeMap::new(),
        next_request: 0,
        reported,
        report_at: Instant::now(),
    };
    Running {
        ask: Ask(sender),
        ready: became_ready,
        changed,
        task: Task(tokio::spawn(core.run(messages, stop))),
    }
}

struct Core {
    broker: Broker,
    keys: watch::Receiver<KeyRing>,
    metrics: Metrics,
    ready: watch::Sender<bool>,
    routers: BTreeMap<Link, channel::Sender<ToRouter>>,
    operators: BTreeMap<Link, (String, channel::Sender<ToOperator>)>,
    /// Who comes soon, as the directory said last. While it is away that stays: what is over
    /// nobody counts.
    expected: Vec<Expected>,
    waiting: BTreeMap<Request, oneshot::Sender<Answer>>,
    next_request: u64,
    /// The broker's version that was reported last, and when the next report is due.
    reported: watch::Sender<u64>,
    report_at: Instant,
}

impl Core {
    async fn run(mut self, mut messages: mpsc::Receiver<Message>, stop: CancellationToken) {
        let unready = tokio::time::sleep(super::READY_AFTER);
        tokio::pin!(unready);
        loop {
            let due = self.due();
            tokio::select! {
                () = stop.cancelled() => return,
                message = messages.recv() => match message {
                    Some(message) => self.hear(message, Instant::now()),
                    None => return,
                },
                () = tokio::time::sleep_until(due.into()) => {
                    self.broker.handle_timeout(Instant::now());
                }
                () = &mut unready, if !*self.ready.borrow() => {
                    self.ready.send_replace(true);
                }
            }
            self.act();
            self.report(Instant::now());
        }
    }

    fn due(&self) -> Instant {
        let timeout = self.broker.next_timeout().unwrap_or(self.report_at);
        timeout.min(self.report_due())
    }

    /// Reports go out soon after a change, and as a heartbeat.
    fn report_due(&self) -> Instant {
        if self.broker.version() == *self.reported.borrow() {
            self.report_at
        } else {
            let heartbeat = Duration::from_millis(HEARTBEAT_MS - COALESCE_MS);
            self.report_at
                .checked_sub(heartbeat)
                .unwrap_or(self.report_at)
        }
    }

    fn hear(&mut self, message: Message, now: Instant) {
        match message {
            Message::Join(question, reply) => {
                self.next_request += 1;
                let request = Request(self.next_request);
                self.waiting.insert(request, reply);
                let join = Join {
                    request,
                    meeting: question.meeting,
                    participant: question.who.participant,
                    from: question.from,
                    exclude: question.exclude,
                    vouched: question.who.vouched,
                };
                self.broker.handle(Event::Join(join), now);
            }
            Message::Router(link, sender) => {
                self.routers.insert(link, sender);
            }
            Message::Operator(link, name, sender) => {
                self.operators.insert(link, (name, sender));
                self.report_at = now;
            }
            Message::Expected(expected) => self.expected = expected,
            Message::Summary(reply) => {
                // Who no longer waits needs none.
                let _ = reply.send(self.broker.summary());
            }
            Message::Targets(reply) => {
                let targets = self.broker.endpoints().map(|endpoint| RouterTarget {
                    addresses: endpoint.addresses.clone(),
                    https_port: endpoint.https_port,
                    fingerprint: endpoint.fingerprint,
                });
                let _ = reply.send(targets.collect());
            }
            Message::Whereabouts(reply) => {
                let _ = reply.send(self.broker.whereabouts(MEETINGS));
            }
            Message::Event(event) => {
                self.note(&event);
                self.broker.handle(event, now);
            }
        }
    }

    fn note(&mut self, event: &Event) {
        match event {
            Event::RouterLost { link } => {
                self.routers.remove(link);
            }
            Event::OperatorGone { link } => {
                self.operators.remove(link);
            }
            Event::MoveEnded { failed, .. } => self.metrics.move_ended(*failed),
            _ => {}
        }
    }

    fn act(&mut self) {
        while let Some(action) = self.broker.poll() {
            match action {
                Action::Answer { request, answer } => {
                    self.metrics.placed(&answer);
                    if let Some(reply) = self.waiting.remove(&request) {
                        // Who has hung up needs no answer.
                        let _ = reply.send(answer);
                    }
                }
                Action::Tell { link, order } => self.tell(link, order),
                Action::Close { link } => {
                    if let Some(sender) = self.routers.remove(&link) {
                        sender.close(CLOSE_AGAIN, "silent, or replaced: connect again");
                    }
                }
            }
        }
    }

    fn tell(&self, link: Link, order: Order) {
        let Some(sender) = self.routers.get(&link) else {
            return;
        };
        match order {
            Order::Drain(draining) => {
                sender.send(&ToRouter::SetDraining { draining });
            }
            Order::Move { meeting, to } => {
                sender.send(&ToRouter::MoveMeeting { meeting, to });
            }
            Order::End { meeting, at } => {
                sender.send(&ToRouter::EndMeeting { meeting, at });
            }
            Order::Tickets {
                meeting,
                to,
                endpoint,
                participants,
            } => {
                let keys = self.keys.borrow();
                for some in participants.chunks(OFFERS) {
                    let offers = some.iter().map(|member| {
                        let (meeting, to) = (meeting.clone(), to.clone());
                        offer(&keys, meeting, member.clone(), to, endpoint.clone())
                    });
                    sender.send(&ToRouter::Tickets {
                        offers: offers.collect(),
                        meeting: meeting.clone(),
                        to: to.clone(),
                    });
                }
            }
        }
    }

    fn report(&mut self, now: Instant) {
        if now < self.report_due() {
            return;
        }
        let version = self.broker.version();
        let changed = self
            .reported
            .send_if_modified(|reported| std::mem::replace(reported, version) != version);
        self.report_at = now + Duration::from_millis(HEARTBEAT_MS);
        if !changed && self.operators.is_empty() {
            return;
        }
        let routers = self.broker.report(now);
        self.metrics.routers(&routers);
        if !*self.ready.borrow() && routers.iter().any(|router| router.connected) {
            self.ready.send_replace(true);
        }
        for (controller, sender) in self.operators.values() {
            sender.send(&ToOperator::Report {
                controller: controller.clone(),
                routers: routers.clone(),
                expected: self.expected.clone(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_broker_that_panics_is_told() {
        let task = Task(tokio::spawn(async { panic!("an invariant did not hold") }));
        let failed = task.failed(&CancellationToken::new()).await;
        assert!(failed.to_string().contains("did not hold"), "{failed}");
    }

    #[tokio::test]
    async fn a_broker_that_is_stopped_has_not_failed() {
        let stop = CancellationToken::new();
        stop.cancel();
        let task = Task(tokio::spawn(async {}));
        let failed = tokio::time::timeout(Duration::from_millis(50), task.failed(&stop));
        assert!(failed.await.is_err());
    }
}
