//! Who may join: the directory's tokens and the zone's own tickets are checked here, what
//! follows from them is decided by [`plenum_zone::admission`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context as _;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use plenum_wire::directory::TokenClaims;
use plenum_wire::link::TicketKey;

/// How often the file's date is looked at.
const POLL: Duration = Duration::from_secs(5);

/// The directory's public keys, from a file, from the directory and its replicas, or from all
/// of them.
#[derive(Clone, Default)]
pub struct Directory(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    file: Option<File>,
    /// What each directory said last.
    told: BTreeMap<String, JwkSet>,
}

struct File {
    path: PathBuf,
    keys: JwkSet,
    looked: Instant,
    written: Option<SystemTime>,
}

impl Directory {
    /// Reads a JWKS (RFC 7517) with Ed25519 keys (RFC 8037). It is read again when it
    /// changes; while it cannot be, the last keys stay.
    pub fn from_file(path: &Path) -> anyhow::Result<Self> {
        let file = File {
            path: path.to_owned(),
            keys: read(path)?,
            looked: Instant::now(),
            written: written(path),
        };
        let known = Known {
            file: Some(file),
            told: BTreeMap::new(),
        };
        Ok(Self(Arc::new(Mutex::new(known))))
    }

    /// Takes the keys that one tells who speaks for all directories, in place of those it told
    /// before. What is no JWKS changes nothing.
    pub fn learn(&self, jwks: serde_json::Value) {
        self.learn_from("", jwks);
    }

    /// Takes the keys that a directory tells, in place of those that this one told before.
    pub fn learn_from(&self, directory: &str, jwks: serde_json::Value) {
        match serde_json::from_value(jwks) {
            Ok(keys) => drop(self.known().told.insert(directory.to_owned(), keys)),
            Err(error) => tracing::warn!(%error, "the directory's answer holds no keys"),
        }
    }

    /// What a token says, if the directory signed it. For whom and until when is not looked at.
    #[must_use]
    pub fn verify(&self, token: &str) -> Option<TokenClaims> {
        let kid = jsonwebtoken::decode_header(token).ok()?.kid?;
        let key = self.known().key(&kid)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let token = jsonwebtoken::decode::<TokenClaims>(token, &key, &validation).ok()?;
        Some(token.claims)
    }

    /// The keys, for others of the zone that have no way to the directory.
    #[must_use]
    pub fn keys(&self) -> Vec<TicketKey> {
        let mut known = self.known();
        let Known { file, told } = &mut *known;
        let file = file.as_mut().map(File::refreshed);
        // Those that directories told come last: they count where both know a name.
        let all = file.into_iter().chain(told.values());
        let keys: BTreeMap<&str, &str> =
            all.flat_map(|set| &set.keys).filter_map(ed25519).collect();
        keys.into_iter()
            .map(|(kid, x)| TicketKey {
                kid: kid.to_owned(),
                x: x.to_owned(),
            })
            .collect()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn key(&mut self, kid: &str) -> Option<DecodingKey> {
        let told = self.told.values().find_map(|keys| keys.find(kid));
        let key = told.or_else(|| self.file.as_mut()?.refreshed().find(kid))?;
        DecodingKey::from_jwk(key).ok()
    }
}

impl File {
    fn refreshed(&mut self) -> &JwkSet {
        if self.looked.elapsed() >= POLL {
            self.looked = Instant::now();
            self.refresh();
        }
        &self.keys
    }

    fn refresh(&mut self) {
        let written = written(&self.path);
        if written == self.written {
            return;
        }
        match read(&self.path) {
            Ok(keys) => (self.keys, self.written) = (keys, written),
            Err(error) => tracing::warn!(%error, "keeping the directory's last keys"),
        }
    }
}

fn ed25519(key: &Jwk) -> Option<(&str, &str)> {
    match &key.algorithm {
        AlgorithmParameters::OctetKeyPair(pair) => Some((key.common.key_id.as_deref()?, &pair.x)),
        _ => None,
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
