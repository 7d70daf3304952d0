//! The task that moves a channel's messages between its queues and its WebSocket.

use std::future::pending;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::life::Life;
use super::{Settings, close};
use crate::websocket::{Broken, Frame, Incoming, Outgoing};

/// How long a channel that is being closed may still write.
const FAREWELL: Duration = Duration::from_secs(1);

/// A close code, if there was one, and the reason.
type Outcome = (Option<u16>, String);

/// How a channel ends: shared by its halves and its task.
#[derive(Debug, Default)]
pub(super) struct Fate {
    /// What we decided, the first time.
    decided: OnceLock<(u16, String)>,
    /// Close after what is queued.
    closing: CancellationToken,
    /// Close now.
    aborted: CancellationToken,
    /// How it ended.
    outcome: OnceLock<Outcome>,
}

impl Fate {
    pub(super) fn close(&self, code: u16, reason: &str) {
        self.decided.get_or_init(|| (code, reason.to_owned()));
        self.closing.cancel();
    }

    pub(super) fn abort(&self, code: u16, reason: &str) {
        self.close(code, reason);
        self.aborted.cancel();
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.is_cancelled()
    }

    pub(super) fn outcome(&self) -> Outcome {
        self.outcome
            .get()
            .cloned()
            .unwrap_or_else(|| (None, "the runtime ended".to_owned()))
    }

    fn decision(&self) -> (u16, String) {
        let normal = || (close::NORMAL, String::new());
        self.decided.get().cloned().unwrap_or_else(normal)
    }
}

pub(super) struct Pump {
    pub(super) to_send: mpsc::Receiver<String>,
    pub(super) received: mpsc::Sender<String>,
    pub(super) fate: Arc<Fate>,
    pub(super) settings: Settings,
    pub(super) life: Life,
}

/// Why one of the two loops ended.
enum End {
    /// By the peer or the network; there is nobody to say goodbye to.
    Theirs(Outcome),
    /// By us, with this close frame.
    Ours(u16, String),
}

impl Pump {
    pub(super) async fn run(mut self, mut outgoing: Outgoing, mut incoming: Incoming) {
        let Self {
            to_send,
            received,
            fate,
            settings,
            life,
        } = &mut self;
        let life = &*life;
        let aborted = fate.aborted.clone();
        let end = tokio::select! {
            end = read(&mut incoming, received, settings, life) => end,
            end = write(&mut outgoing, to_send, received, fate, life) => end,
            () = aborted.cancelled() => { let (code, reason) = fate.decision(); End::Ours(code, reason) }
        };
        let outcome = match end {
            End::Theirs(outcome) => outcome,
            End::Ours(code, reason) => {
                let goodbye = Frame::Close(Some((code, reason.clone())));
                // A peer that does not read will not read this either: it must not hold us.
                let _ = timeout(FAREWELL, outgoing.send(goodbye)).await;
                let _ = timeout(FAREWELL, finish(&mut incoming)).await;
                (Some(code), reason)
            }
        };
        fate.closing.cancel();
        // The queue is closed after the outcome is known: whoever reads the end finds it.
        let _ = fate.outcome.set(outcome);
    }
}

/// Waits for the peer's own goodbye, or its bytes in flight would reset the connection and
/// could take ours with them.
async fn finish(incoming: &mut Incoming) {
    while let Some(Ok(frame)) = incoming.next().await {
        if matches!(frame, Frame::Close(_)) {
            return;
        }
    }
}

async fn read(
    incoming: &mut Incoming,
    received: &mpsc::Sender<String>,
    settings: &Settings,
    life: &Life,
) -> End {
    loop {
        let Ok(frame) = timeout(settings.silence, incoming.next()).await else {
            let silence = settings.silence.as_millis();
            return End::Theirs((None, format!("nothing heard for {silence} ms")));
        };
        life.heard();
        match frame {
            Some(Ok(Frame::Text(text))) if text.len() > settings.limit => return too_long(),
            Some(Ok(Frame::Text(text))) => {
                if received.send(text).await.is_err() {
                    return End::Ours(close::NORMAL, String::new());
                }
            }
            // The WebSocket answers it.
            Some(Ok(Frame::Ping)) => life.said(),
            Some(Ok(Frame::Pong)) => {}
            Some(Ok(Frame::Binary(_))) => {
                return End::Ours(close::UNSUPPORTED, "messages are texts".to_owned());
            }
            Some(Ok(Frame::Close(frame))) => {
                let (code, reason) = frame.unzip();
                return End::Theirs((code, reason.unwrap_or_default()));
            }
            Some(Err(Broken::TooLong)) => return too_long(),
            Some(Err(Broken::Protocol(reason) | Broken::Connection(reason))) => {
                return End::Theirs((None, reason));
            }
            None => return End::Theirs((None, "the connection ended".to_owned())),
        }
    }
}

fn too_long() -> End {
    End::Ours(close::TOO_LONG, "the message is too long".to_owned())
}

async fn write(
    outgoing: &mut Outgoing,
    to_send: &mut mpsc::Receiver<String>,
    received: &mpsc::Sender<String>,
    fate: &Fate,
    life: &Life,
) -> End {
    loop {
        let frame = tokio::select! {
            biased;
            Some(text) = to_send.recv() => Frame::Text(text),
            () = fate.closing.cancelled() => {
                let (code, reason) = fate.decision();
                return End::Ours(code, reason);
            }
            () = received.closed() => return End::Ours(close::NORMAL, String::new()),
            () = life.in_doubt() => {
                life.asked();
                Frame::Ping
            }
        };
        let ping_sent = matches!(frame, Frame::Ping);
        // Here a peer that does not read is waited for; its queue fills up meanwhile, and a
        // close must not wait for it longer than the farewell.
        let sent = tokio::select! {
            sent = outgoing.send(frame) => sent,
            () = overdue(fate) => {
                let (code, reason) = fate.decision();
                return End::Ours(code, reason);
            }
        };
        if !ping_sent {
            life.said();
        }
        if sent.is_err() {
            // The reading side finds out why, if only by silence.
            return pending().await;
        }
    }
}

async fn overdue(fate: &Fate) {
    fate.closing.cancelled().await;
    tokio::time::sleep(FAREWELL).await;
}
