//! Processes that talk by lines.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::cores;

/// A process of ours; killed when it is dropped. A server ends when its input does.
pub struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
    input: ChildStdin,
}

/// Where a process runs, and how much it may take of a core that it shares.
#[derive(Debug, Clone, Copy)]
pub struct Seat<'a> {
    /// The cores.
    pub cores: &'a [usize],
    /// How much nicer than we are (`nice(1)`): 5 get a third of what who is not nicer gets.
    pub nice: u8,
}

impl<'a> Seat<'a> {
    /// These cores, as everybody.
    #[must_use]
    pub const fn on(cores: &'a [usize]) -> Self {
        Self { cores, nice: 0 }
    }
}

impl Running {
    /// Starts it on these cores.
    pub fn start(mut command: Command, seat: Seat<'_>) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let input = child.stdin.take().context("the input is piped")?;
        let lines = child.stdout.take().context("the output is piped")?;
        let running = Self {
            lines: BufReader::new(lines),
            input,
            child,
        };
        cores::seat(running.pid(), seat)?;
        Ok(running)
    }

    /// Its number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next thing that it says.
    pub fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.lines.read_line(&mut line)? == 0 {
            bail!("it ended with {}", self.child.wait()?);
        }
        Ok(line)
    }

    /// Waits until it says this.
    pub fn until(&mut self, wanted: &str) -> Result<()> {
        while self.line()?.trim() != wanted {}
        Ok(())
    }

    /// Tells it something.
    pub fn tell(&mut self, line: &str) -> Result<()> {
        Ok(writeln!(self.input, "{line}")?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// This program again.
pub fn this_program() -> Result<Command> {
    Ok(Command::new(std::env::current_exe()?))
}
