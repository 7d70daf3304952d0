//! The end of a router: those who are still here are told, and then the ports close.

use std::io;
use std::time::{Duration, Instant};

use plenum_router::Input;
use tokio::sync::mpsc;

use super::Engine;
use crate::mmr::happenings::Happening;

/// Close code of RFC 6455 section 7.4.1.
const GOING_AWAY: u16 = 1001;
/// How long a router that leaves waits for what it said last to be sent.
const FAREWELL: Duration = Duration::from_secs(1);

impl Engine {
    /// Whoever is still here is sent away; then the ports close.
    pub(super) fn leave(mut self, happened: &mut mpsc::Receiver<Happening>) -> io::Result<()> {
        let left = self.shard.load().participants;
        tracing::info!(participants = left, "router leaves");
        let mut now = Instant::now();
        self.decide(Input::Stop, now);
        for controller in self.controllers.values() {
            controller.close(GOING_AWAY, "the router leaves");
        }
        self.switch.flush();
        self.publish(now);
        let patience = now + FAREWELL;
        let mut late = Vec::new();
        while self.open > 0 && now < patience {
            now = self.switch.wait(Some(patience))?;
            // Media goes on to nobody.
            self.switch.receive(&mut late)?;
            late.clear();
            while let Ok(happening) = happened.try_recv() {
                self.farewell(&happening);
            }
            self.switch.flush();
        }
        if self.open > 0 {
            tracing::debug!(open = self.open, "some connections did not end in time");
        }
        self.switch.stop();
        Ok(())
    }

    /// Nobody comes in any more; that somebody went is good news.
    fn farewell(&mut self, happening: &Happening) {
        match happening {
            Happening::ControlOpened { sender, .. } => {
                self.open += 1;
                sender.close(GOING_AWAY, "the router leaves");
            }
            Happening::LinkOpened { sender, .. } => {
                self.open += 1;
                sender.close(GOING_AWAY, "the router leaves");
            }
            Happening::ControlClosed { .. } | Happening::LinkClosed { .. } => self.open -= 1,
            Happening::ControlSaid { .. }
            | Happening::ControlBad { .. }
            | Happening::LinkSaid { .. } => {}
        }
    }
}
