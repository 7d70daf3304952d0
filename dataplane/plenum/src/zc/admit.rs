//! Who may join: the directory's tokens and the zone's own tickets are checked here, what
//! follows from them is decided by [`plenum_zone::admission`].

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context as _;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use plenum_wire::MeetingId;
use plenum_zone::admission::Token;
use serde::Deserialize;

/// How often the file's date is looked at.
const POLL: Duration = Duration::from_secs(5);

/// The directory's public keys.
#[derive(Clone, Default)]
pub struct Directory(Option<Arc<File>>);

struct File {
    path: PathBuf,
    known: Mutex<Known>,
}

struct Known {
    keys: JwkSet,
    looked: Instant,
    written: Option<SystemTime>,
}

/// What a token of the directory says; `role` and `sub` are for later.
#[derive(Deserialize)]
struct Claims {
    meeting: MeetingId,
    exp: u64,
}

impl Directory {
    /// Reads a JWKS (RFC 7517) with Ed25519 keys (RFC 8037). It is read again when it
    /// changes; while it cannot be, the last keys stay.
    pub fn from_file(path: &Path) -> anyhow::Result<Self> {
        let known = Known {
            keys: read(path)?,
            looked: Instant::now(),
            written: written(path),
        };
        Ok(Self(Some(Arc::new(File {
            path: path.to_owned(),
            known: Mutex::new(known),
        }))))
    }

    /// What a token says, if the directory signed it. Its time is not looked at.
    pub fn verify(&self, token: &str) -> Option<Token> {
        let file = self.0.as_ref()?;
        let kid = jsonwebtoken::decode_header(token).ok()?.kid?;
        let key = {
            let mut known = file.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.refresh(&file.path);
            DecodingKey::from_jwk(known.keys.find(&kid)?).ok()?
        };
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation)
            .ok()?
            .claims;
        Some(Token {
            meeting: claims.meeting,
            expires: claims.exp,
        })
    }
}

impl Known {
    fn refresh(&mut self, path: &Path) {
        if self.looked.elapsed() < POLL {
            return;
        }
        self.looked = Instant::now();
        let written = written(path);
        if written == self.written {
            return;
        }
        match read(path) {
            Ok(keys) => (self.keys, self.written) = (keys, written),
            Err(error) => tracing::warn!(%error, "keeping the directory's last keys"),
        }
    }
}

fn written(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}

fn read(path: &Path) -> anyhow::Result<JwkSet> {
    let text = std::fs::read(path)
        .with_context(|| format!("the directory's keys in {}", path.display()))?;
    serde_json::from_slice(&text)
        .with_context(|| format!("{} is no JWKS (RFC 7517)", path.display()))
}
