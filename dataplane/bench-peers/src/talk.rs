//! Janus's API: JSON messages over a Unix socket.

use std::os::fd::OwnedFd;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketType, connect, recv, send, socket,
};
use serde_json::{Value, json};

/// Longest message; an offer has some 2 kB.
const MESSAGE_BYTES: usize = 64 * 1_024;
const PLUGIN: &str = "janus.plugin.streaming";

/// A session.
pub struct Talk {
    socket: OwnedFd,
    session: u64,
    said: u64,
}

/// A subscriber, as Janus knows it.
#[derive(Debug, Clone, Copy)]
pub struct Handle(u64);

impl Talk {
    /// Opens a session with the Janus that listens there.
    pub fn open(path: &Path) -> Result<Self> {
        let socket = socket(AddressFamily::UNIX, SocketType::SEQPACKET, None)?;
        connect(&socket, &SocketAddrUnix::new(path)?).context("nobody listens yet")?;
        let mut talk = Self {
            socket,
            session: 0,
            said: 0,
        };
        talk.session = talk.made(json!({ "janus": "create" }))?;
        Ok(talk)
    }

    /// Asks for the stream; a handle and the SDP offer.
    pub fn watch(&mut self, stream: u64) -> Result<(Handle, String)> {
        let attach = json!({ "janus": "attach", "session_id": self.session, "plugin": PLUGIN });
        let handle = self.made(attach)?;
        let body = json!({ "request": "watch", "id": stream });
        let event = self.message(Handle(handle), &body, None)?;
        let offer = event["jsep"]["sdp"].as_str();
        let offer = offer.with_context(|| format!("no offer in {event}"))?;
        Ok((Handle(handle), offer.to_owned()))
    }

    /// Answers the offer.
    pub fn start(&mut self, handle: Handle, answer: &str) -> Result<()> {
        let jsep = json!({ "type": "answer", "sdp": answer });
        self.message(handle, &json!({ "request": "start" }), Some(jsep))?;
        Ok(())
    }

    /// Sends a message to the plugin and waits for the event that answers it.
    fn message(&mut self, handle: Handle, body: &Value, jsep: Option<Value>) -> Result<Value> {
        let mut message = json!({
            "janus": "message",
            "session_id": self.session,
            "handle_id": handle.0,
            "body": body,
        });
        if let Some(jsep) = jsep {
            message["jsep"] = jsep;
        }
        let transaction = self.say(message)?;
        let event = self.answer(&transaction, "event")?;
        let error = &event["plugindata"]["data"]["error"];
        if !error.is_null() {
            bail!("the streaming plugin says {error}");
        }
        Ok(event)
    }

    /// The number of what was made.
    fn made(&mut self, request: Value) -> Result<u64> {
        let transaction = self.say(request)?;
        let answer = self.answer(&transaction, "success")?;
        answer["data"]["id"].as_u64().context("a number")
    }

    fn say(&mut self, mut message: Value) -> Result<String> {
        self.said += 1;
        let transaction = self.said.to_string();
        message["transaction"] = transaction.clone().into();
        let bytes = message.to_string();
        send(&self.socket, bytes.as_bytes(), SendFlags::empty())?;
        Ok(transaction)
    }

    /// Waits for the answer of this kind; what else is told meanwhile is of no interest.
    fn answer(&self, transaction: &str, kind: &str) -> Result<Value> {
        let mut bytes = vec![0; MESSAGE_BYTES];
        loop {
            let (length, _) = recv(&self.socket, &mut bytes, RecvFlags::empty())?;
            if length == 0 {
                bail!("Janus hung up");
            }
            let message: Value = serde_json::from_slice(&bytes[..length])?;
            if message["transaction"] != transaction {
                continue;
            }
            match message["janus"].as_str() {
                Some(said) if said == kind => return Ok(message),
                Some("ack") => {}
                _ => bail!("Janus says {message}"),
            }
        }
    }
}
