//! The signing keys of a zone, from a directory that the operator renews.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use plenum_wire::link::TicketKey;
use plenum_wire::ticket::{Keys, SigningKey};
use rcgen::{KeyPair, PKCS_ED25519};
use tokio::sync::watch;

/// How often the directory is read again: kubelets swap it by symbolic links.
const POLL: Duration = Duration::from_secs(5);
/// A new key signs only after this long. By then it has reached every controller's volume
/// (the kubelet syncs within a minute and a half) and so every router.
const SETTLED: Duration = Duration::from_mins(2);

/// The zone's keys. Cheap to clone.
#[derive(Clone)]
pub struct KeyRing(Arc<Inner>);

struct Inner {
    signing: SigningKey,
    public: Vec<TicketKey>,
    verify: Keys,
}

impl KeyRing {
    /// The key that signs tickets.
    #[must_use]
    pub fn signing(&self) -> &SigningKey {
        &self.0.signing
    }

    /// What routers verify tickets with.
    #[must_use]
    pub fn public(&self) -> &[TicketKey] {
        &self.0.public
    }

    /// Verifies tickets of this zone.
    #[must_use]
    pub fn verify(&self) -> &Keys {
        &self.0.verify
    }

    /// One key that nobody renews, in PKCS #8 PEM.
    pub fn single(kid: &str, pem: &str) -> anyhow::Result<Self> {
        Self::new(&[(kid.to_owned(), pem.to_owned())].into(), kid)
    }

    fn new(pems: &BTreeMap<String, String>, signs: &str) -> anyhow::Result<Self> {
        let pem = pems.get(signs).context("there is no signing key")?;
        let signing = SigningKey::from_pem(signs, pem.as_bytes())
            .with_context(|| format!("signing key {signs}"))?;
        let public = pems
            .iter()
            .map(|(kid, pem)| public_key(kid, pem).with_context(|| format!("signing key {kid}")))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let verify = Keys::from_keys(&public);
        Ok(Self(Arc::new(Inner {
            signing,
            public,
            verify,
        })))
    }

    /// Reads `NAME.pem` for every key, and goes on looking for changes on the current runtime
    /// until every receiver is gone. The last by name signs; one that is added later signs
    /// after two minutes.
    pub fn watch(directory: &Path) -> anyhow::Result<watch::Receiver<Self>> {
        let mut rotation = Rotation::new(read(directory)?);
        let (sender, receiver) = watch::channel(rotation.ring()?);
        let directory = directory.to_owned();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = sender.closed() => return,
                    () = tokio::time::sleep(POLL) => {}
                }
                let ring = read(&directory).and_then(|found| {
                    let changed = rotation.look(found, Instant::now());
                    changed.then(|| rotation.ring()).transpose()
                });
                match ring {
                    Ok(None) => {}
                    Ok(Some(ring)) => {
                        tracing::info!(signs = rotation.signs, "signing keys changed");
                        sender.send_replace(ring);
                    }
                    Err(error) => tracing::warn!(%error, "keeping the last signing keys"),
                }
            }
        });
        Ok(receiver)
    }
}

/// Which of the keys signs, as they come and go. Pure: it is told the time.
struct Rotation {
    pems: BTreeMap<String, String>,
    signs: String,
    /// The key that will sign, and since when it has been there.
    next: Option<(String, Instant)>,
}

impl Rotation {
    fn new(pems: BTreeMap<String, String>) -> Self {
        let signs = last(&pems).to_owned();
        Self {
            pems,
            signs,
            next: None,
        }
    }

    /// Takes what is in the directory now. Returns whether the ring has to be made anew.
    fn look(&mut self, found: BTreeMap<String, String>, now: Instant) -> bool {
        let mut changed = found != self.pems;
        self.pems = found;
        let newest = last(&self.pems);
        if newest == self.signs {
            self.next = None;
            return changed;
        }
        let since = match &self.next {
            Some((kid, since)) if kid == newest => *since,
            _ => now,
        };
        if now >= since + SETTLED || !self.pems.contains_key(&self.signs) {
            newest.clone_into(&mut self.signs);
            self.next = None;
            changed = true;
        } else {
            self.next = Some((newest.to_owned(), since));
        }
        changed
    }

    fn ring(&self) -> anyhow::Result<KeyRing> {
        KeyRing::new(&self.pems, &self.signs)
    }
}

fn read(directory: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let entries = std::fs::read_dir(directory)
        .with_context(|| format!("signing keys in {}", directory.display()))?;
    let mut pems = BTreeMap::new();
    for entry in entries {
        let path: PathBuf = entry?.path();
        let kid = path.file_stem().and_then(|name| name.to_str());
        if let (Some(kid), Some("pem")) = (kid, path.extension().and_then(|it| it.to_str())) {
            let pem = std::fs::read_to_string(&path)
                .with_context(|| format!("signing key {}", path.display()))?;
            pems.insert(kid.to_owned(), pem);
        }
    }
    if pems.is_empty() {
        bail!(
            "put an Ed25519 key as NAME.pem (PKCS #8) into {}",
            directory.display()
        );
    }
    Ok(pems)
}

fn last(pems: &BTreeMap<String, String>) -> &str {
    pems.last_key_value().map_or("", |(kid, _)| kid)
}

fn public_key(kid: &str, pem: &str) -> anyhow::Result<TicketKey> {
    let pair = KeyPair::from_pkcs8_pem_and_sign_algo(pem, &PKCS_ED25519)
        .context("write an Ed25519 key in PKCS #8 PEM")?;
    let jwk = Jwk::from_decoding_key(
        &DecodingKey::from_ed_der(pair.public_key_raw()),
        Some(jsonwebtoken::Algorithm::EdDSA),
    )?;
    match jwk.algorithm {
        AlgorithmParameters::OctetKeyPair(key) => Ok(TicketKey {
            kid: kid.to_owned(),
            x: key.x,
        }),
        _ => bail!("not an Ed25519 key"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem() -> String {
        KeyPair::generate_for(&PKCS_ED25519)
            .unwrap()
            .serialize_pem()
    }

    fn pems(names: &[&str]) -> BTreeMap<String, String> {
        names
            .iter()
            .map(|name| ((*name).to_owned(), format!("key {name}")))
            .collect()
    }

    #[test]
    fn a_new_key_is_told_at_once_and_signs_when_everybody_knows_it() {
        let start = Instant::now();
        let mut rotation = Rotation::new(pems(&["k1"]));
        assert!(
            rotation.look(pems(&["k1", "k2"]), start),
            "routers have to be told"
        );
        assert_eq!(rotation.signs, "k1");
        let early = start + SETTLED.saturating_sub(Duration::from_millis(1));
        assert!(!rotation.look(pems(&["k1", "k2"]), early));
        assert!(rotation.look(pems(&["k1", "k2"]), start + SETTLED));
        assert_eq!(rotation.signs, "k2");
        assert!(
            rotation.look(pems(&["k2"]), start + 2 * SETTLED),
            "the old one is gone"
        );
        assert_eq!(rotation.signs, "k2");
    }

    #[test]
    fn when_the_signing_key_is_taken_away_the_last_one_signs_at_once() {
        let mut rotation = Rotation::new(pems(&["k1"]));
        assert!(rotation.look(pems(&["k2"]), Instant::now()));
        assert_eq!(rotation.signs, "k2");
    }

    #[test]
    fn a_directory_is_read_and_its_tickets_are_verified() {
        let directory = tempfile::tempdir().unwrap();
        assert!(read(directory.path()).is_err(), "no key");
        for name in ["k1.pem", "k2.pem"] {
            std::fs::write(directory.path().join(name), pem()).unwrap();
        }
        std::fs::write(directory.path().join("notes.txt"), "not a key").unwrap();
        let ring = Rotation::new(read(directory.path()).unwrap())
            .ring()
            .unwrap();
        let kids: Vec<&str> = ring.public().iter().map(|key| key.kid.as_str()).collect();
        assert_eq!(kids, ["k1", "k2"]);
        let claims = super::super::offers::claims_for_tests();
        let ticket = ring.signing().sign(&claims);
        assert_eq!(ring.verify().verify(&ticket, 0), Ok(claims));
    }

    #[test]
    fn what_is_no_key_is_named() {
        let error = KeyRing::single("k1", "nonsense").err().unwrap();
        assert!(format!("{error:#}").contains("signing key k1"), "{error:#}");
    }
}
