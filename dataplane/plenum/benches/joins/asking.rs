//! Whoever asks: over connections that are kept, on each as soon as the former answer has come.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use plenum_transport::tls::client_config;
use plenum_wire::directory::{Role, TokenClaims};
use plenum_wire::join::Offer;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::people::{self, MEETINGS, NEW, TOKENS};
use crate::zone::{DIRECTORY, NAME, Zone};

/// Each is of another address: the zone answers one of them 200 times a second, after 2,000
/// at once.
pub const CONNECTIONS: usize = 64;
/// How long a token is good for: longer than all this lasts.
const TOKEN_S: u64 = 3_600;

/// What is asked, by meeting and token, and whose turn it is.
pub struct Requests {
    texts: Vec<Vec<Vec<u8>>>,
    turn: AtomicUsize,
}

impl Requests {
    /// Requests for each meeting, with tokens for it.
    pub fn new(zone: &Zone) -> Arc<Self> {
        let key = EncodingKey::from_ed_pem(zone.directory.serialize_pem().as_bytes()).unwrap();
        let texts = (0..MEETINGS + NEW).map(|index| {
            let meeting = people::meeting(index);
            let tokens = if index < MEETINGS { TOKENS } else { 1 };
            (0..tokens)
                .map(|token| text(&meeting, token, &key))
                .collect()
        });
        Arc::new(Self {
            texts: texts.collect(),
            turn: AtomicUsize::new(0),
        })
    }

    fn next(&self) -> &[u8] {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let texts = &self.texts[people::wanted(turn)];
        &texts[turn / MEETINGS % texts.len()]
    }
}

fn text(meeting: &str, token: usize, key: &EncodingKey) -> Vec<u8> {
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(DIRECTORY.to_owned());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let claims = TokenClaims {
        iss: "https://meet.example.org".to_owned(),
        sub: "ada".to_owned(),
        aud: vec![NAME.parse().unwrap()],
        meeting: meeting.parse().unwrap(),
        role: Role::Participant,
        iat: now.as_secs(),
        exp: now.as_secs() + TOKEN_S,
        jti: token.to_string(),
    };
    let token = jsonwebtoken::encode(&header, &claims, key).unwrap();
    let body = r#"{"name":"Ada"}"#;
    let length = body.len();
    let text = format!(
        "POST /v1/meetings/{meeting}/join HTTP/1.1\r\nhost: localhost\r\n\
         authorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    text.into_bytes()
}

/// Those who ask.
pub struct Crowd {
    answers: Arc<Mutex<Answers>>,
    asking: JoinSet<()>,
}

/// What came while it was counted.
#[derive(Default)]
pub struct Answers {
    since: Option<Instant>,
    pub took: Vec<Duration>,
    pub refused: usize,
    pub over: Duration,
}

impl Crowd {
    /// They come, and ask from now on.
    pub fn of(zone: &Zone, requests: &Arc<Requests>) -> Self {
        let answers = Arc::new(Mutex::new(Answers::default()));
        let tls = TlsConnector::from(client_config(&zone.trust, None, &[b"http/1.1"]).unwrap());
        let mut asking = JoinSet::new();
        for index in 0..CONNECTIONS {
            let connected = connect(zone.api, address(index), tls.clone());
            let (requests, answers) = (Arc::clone(requests), Arc::clone(&answers));
            asking.spawn(async move { ask(connected.await, &requests, &answers).await });
        }
        Self { answers, asking }
    }

    /// From now on it is counted.
    pub fn count(&self) {
        self.answers.lock().unwrap().since = Some(Instant::now());
    }

    /// What was counted; and no more is.
    pub fn counted(&self) -> Answers {
        let mut answers = std::mem::take(&mut *self.answers.lock().unwrap());
        answers.over = answers.since.unwrap().elapsed();
        answers.took.sort_unstable();
        answers
    }

    /// They go.
    pub async fn go(mut self) {
        if let Some(ended) = self.asking.try_join_next() {
            panic!("somebody was sent away: {ended:?}");
        }
        self.asking.shutdown().await;
    }
}

impl Answers {
    pub fn per_second(&self) -> f64 {
        count(self.took.len()) / self.over.as_secs_f64()
    }

    /// What so many of a hundred did not take longer than, in milliseconds.
    pub fn percentile_ms(&self, percent: usize) -> f64 {
        let took = self.took.get(self.took.len() * percent / 100);
        took.map_or(f64::NAN, |took| took.as_secs_f64() * 1_000.0)
    }
}

#[expect(clippy::cast_precision_loss, reason = "millions at most")]
pub fn count(of: usize) -> f64 {
    of as f64
}

fn address(index: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 1, 0, u8::try_from(index + 1).unwrap())
}

async fn connect(zone: SocketAddr, from: Ipv4Addr, tls: TlsConnector) -> TlsStream<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    let stream = socket.connect(zone).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    tls.connect(name, stream).await.unwrap()
}

async fn ask(mut stream: TlsStream<TcpStream>, requests: &Requests, answers: &Mutex<Answers>) {
    let mut read = Vec::new();
    loop {
        let asked = Instant::now();
        stream.write_all(requests.next()).await.unwrap();
        let offered = answer(&mut stream, &mut read).await;
        let took = asked.elapsed();
        let mut answers = answers.lock().unwrap();
        match (answers.since, offered) {
            (Some(_), true) => answers.took.push(took),
            (Some(_), false) => answers.refused += 1,
            (None, _) => {}
        }
    }
}

/// Reads one answer; whether it is an offer.
async fn answer(stream: &mut TlsStream<TcpStream>, read: &mut Vec<u8>) -> bool {
    read.clear();
    loop {
        let more = stream.read_buf(read).await.unwrap();
        assert_ne!(more, 0, "the zone closed a connection");
        if let Some((head, body)) = whole(read) {
            let offer = serde_json::from_slice::<Offer>(body);
            return head.starts_with("HTTP/1.1 200 ") && offer.is_ok();
        }
    }
}

/// Head and body, once both are there. They come without another behind them.
fn whole(read: &[u8]) -> Option<(&str, &[u8])> {
    let end = read.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&read[..end]).unwrap();
    let lines = head.split("\r\n");
    let length = lines.filter_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.last().unwrap().parse().unwrap();
    let body = &read[end + 4..];
    (body.len() == length).then_some((head, body))
}
