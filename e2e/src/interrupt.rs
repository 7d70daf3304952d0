//! Being told to stop.

use std::process;

use anyhow::{Result, bail};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The status of a shell's child that Ctrl-C ended: 128 + SIGINT.
pub(crate) const INTERRUPTED: i32 = 130;

/// Does the work unless we are told to stop; then it is dropped with all that it holds.
pub async fn unless_interrupted<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let mut interrupt = Interrupt::listen()?;
    tokio::select! {
        done = work => done,
        () = interrupt.arrived() => bail!("interrupted"),
    }
}

/// From now on the program ends when told to stop, for work that somebody else clears up after.
pub fn exit_on_interrupt() -> Result<()> {
    let mut interrupt = Interrupt::listen()?;
    tokio::spawn(async move {
        interrupt.arrived().await;
        process::exit(INTERRUPTED);
    });
    Ok(())
}

/// Listens for Ctrl-C, a closed terminal and SIGTERM from the moment it is made.
///
/// From then on these signals no longer end the process by themselves, even when it is dropped.
pub(crate) struct Interrupt {
    ctrl_c: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Interrupt {
    pub(crate) fn listen() -> Result<Self> {
        Ok(Self {
            ctrl_c: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Returns once one of the signals has arrived, even before this was called.
    pub(crate) async fn arrived(&mut self) {
        tokio::select! {
            _ = self.ctrl_c.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
