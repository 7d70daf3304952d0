//! A Janus with settings of ours, which ends with its owner.

use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use plenum_bench::cores;
use plenum_bench::running::Seat;

use crate::talk::Talk;

/// The stream that is forwarded.
pub const STREAM: u64 = 1;
/// Debian's settings.
const DEBIAN: &str = "/etc/janus";
const LOG: &str = "log";
const UP_WITHIN: Duration = Duration::from_secs(5);
const TRIES: u32 = 10;

/// How it is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settings {
    /// As Debian ships it.
    Default,
    /// For forwarding on one core: one event loop for all subscribers instead of a thread for
    /// each, no log but of errors, no timers of media, nothing loaded that is not needed, ICE lite, and no
    /// packets kept for repair longer than a moment.
    Tuned,
}

const TUNED: &str = r#"
general: {
    debug_level = 2
    event_loops = 1
    configs_folder = "/etc/janus"
    plugins_folder = "/usr/lib/x86_64-linux-gnu/janus/plugins"
    transports_folder = "/usr/lib/x86_64-linux-gnu/janus/transports"
    events_folder = "/usr/lib/x86_64-linux-gnu/janus/events"
    loggers_folder = "/usr/lib/x86_64-linux-gnu/janus/loggers"
}
media: { min_nack_queue = 10  nack_optimizations = true  no_media_timer = 0  slowlink_threshold = 0 }
nat: { ice_lite = true  nice_debug = false }
events: { broadcast = false }
plugins: { disable = "libjanus_audiobridge.so,libjanus_duktape.so,libjanus_echotest.so,libjanus_lua.so,libjanus_nosip.so,libjanus_recordplay.so,libjanus_sip.so,libjanus_textroom.so,libjanus_videocall.so,libjanus_videoroom.so,libjanus_voicemail.so" }
transports: { disable = "libjanus_http.so,libjanus_mqtt.so,libjanus_nanomsg.so,libjanus_rabbitmq.so,libjanus_websockets.so" }
"#;

/// A running Janus; killed and its files removed when it is dropped. It does not outlive this
/// process either way.
pub struct Janus {
    child: Child,
    folder: PathBuf,
    media_port: u16,
}

impl Janus {
    /// Starts it with its files in a folder of this name, which is its own, and returns when
    /// it answers.
    ///
    /// The thread that serves its API over a Unix socket ends at once when it is faster than
    /// the one that starts it (Janus 1.1.2 sets `initialized` after the start), so that it is
    /// tried again.
    pub fn start(settings: Settings, folder: &Path, seat: Seat<'_>) -> Result<Self> {
        let mut tried = 0;
        loop {
            tried += 1;
            let mut janus = Self::spawn(settings, folder.to_owned(), seat)?;
            match janus.wait_until_up() {
                Ok(()) => return Ok(janus),
                Err(error) if tried == TRIES => return Err(error),
                Err(_) => {}
            }
        }
    }

    fn spawn(settings: Settings, folder: PathBuf, seat: Seat<'_>) -> Result<Self> {
        let media_port = UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port();
        configure(&folder, settings, media_port)?;
        let log = fs::File::create(folder.join(LOG))?;
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "janus", "--configs-folder"])
            .arg(&folder)
            .stdin(Stdio::null())
            .stderr(log.try_clone()?)
            .stdout(log)
            .spawn()
            .context("setpriv, of util-linux")?;
        let janus = Self {
            child,
            folder,
            media_port,
        };
        cores::seat(janus.pid(), seat)?;
        Ok(janus)
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens to its API.
    pub fn api(&self) -> PathBuf {
        api(&self.folder)
    }

    /// Where the stream's packets go, on this machine.
    pub const fn media_port(&self) -> u16 {
        self.media_port
    }

    fn wait_until_up(&mut self) -> Result<()> {
        let deadline = Instant::now() + UP_WITHIN;
        while Talk::open(&self.api()).is_err() {
            if let Some(status) = self.child.try_wait()? {
                let log = fs::read_to_string(self.folder.join(LOG))?;
                bail!("janus ended with {status}:\n{log}");
            }
            if Instant::now() > deadline {
                bail!("janus does not answer");
            }
            sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for Janus {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        // What is left of it the next one removes.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn api(folder: &Path) -> PathBuf {
    folder.join("api")
}

fn configure(folder: &Path, settings: Settings, media_port: u16) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    for file in fs::read_dir(DEBIAN).context("janus: is the Debian package installed?")? {
        let file = file?;
        fs::copy(file.path(), folder.join(file.file_name()))?;
    }
    if settings == Settings::Tuned {
        fs::write(folder.join("janus.jcfg"), TUNED)?;
    }
    let api = api(folder);
    let transport = format!(
        "general: {{ enabled = true  json = \"compact\"  path = \"{}\" }}\n",
        api.display()
    );
    fs::write(folder.join("janus.transport.pfunix.jcfg"), transport)?;
    let stream = format!(
        "bench: {{ type = \"rtp\"  id = {STREAM}  audio = false  video = true  \
         videoport = {media_port}  videoiface = \"127.0.0.1\"  videopt = 96  videocodec = \"vp8\" }}\n"
    );
    Ok(fs::write(
        folder.join("janus.plugin.streaming.jcfg"),
        stream,
    )?)
}
