//! The zone's authority: one that signs, perhaps a successor that does not sign yet, and
//! earlier ones that are still believed.
//!
//! In the Secret: `tls.crt` and `tls.key` sign, `next.crt` and `next.key` are the successor,
//! `ca.crt` is the bundle: all that is believed. The key of a former authority is not kept.

use jiff::{SignedDuration, Timestamp};

use super::certificate::{Certificate, Pair};
use super::leaf::Held;
use super::{BUNDLE, CERTIFICATE, Data, KEY, LEAF_LIFE, NOTICE, OVERLAP, renewal};

const NEXT_CERTIFICATE: &str = "next.crt";
const NEXT_KEY: &str = "next.key";

/// What the Secret of the authority holds, without what cannot be used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Authority {
    signer: Option<Pair>,
    next: Option<Pair>,
    bundle: Vec<Certificate>,
}

/// What to do about the authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Keep,
    /// Make a successor and put it into every bundle; it does not sign yet.
    Announce,
    /// The successor signs from now on.
    Promote,
    /// Nobody relies on anything that is there: make one that signs at once.
    Replace,
}

impl Authority {
    /// Reads the Secret, and tells in sentences what in it cannot be used.
    #[must_use]
    pub fn read(data: &Data) -> (Self, Vec<String>) {
        let mut faults = Vec::new();
        let mut pair = |certificate: &str, key: &str| match (data.get(certificate), data.get(key)) {
            (None, None) => None,
            (crt, pem) => {
                let (crt, pem) = (crt.map_or(&[][..], |v| v), pem.map_or(&[][..], |v| v));
                match Pair::parse(crt, pem) {
                    Ok(pair) if pair.certificate().authority => Some(pair),
                    Ok(_) => {
                        faults.push(format!(
                            "{certificate} is not the certificate of an authority"
                        ));
                        None
                    }
                    Err(error) => {
                        faults.push(format!("{certificate} and {key}: {error}"));
                        None
                    }
                }
            }
        };
        let (signer, next) = (pair(CERTIFICATE, KEY), pair(NEXT_CERTIFICATE, NEXT_KEY));
        let bundle = data.get(BUNDLE).map_or(&[][..], |v| v);
        let bundle = Certificate::read_all(bundle).unwrap_or_else(|error| {
            faults.push(format!("{BUNDLE}: {error}"));
            Vec::new()
        });
        let mut authority = Self {
            signer,
            next,
            bundle,
        };
        authority.collect_bundle();
        (authority, faults)
    }

    /// As the Secret holds it.
    #[must_use]
    pub fn write(&self, now: Timestamp) -> Data {
        let mut data = Data::from([(BUNDLE.to_owned(), self.bundle_pem(now).into_bytes())]);
        let mut pair = |pair: &Option<Pair>, certificate: &str, key: &str| {
            if let Some(pair) = pair {
                data.insert(certificate.to_owned(), pair.certificate_pem().to_vec());
                data.insert(key.to_owned(), pair.key_pem().to_vec());
            }
        };
        pair(&self.signer, CERTIFICATE, KEY);
        pair(&self.next, NEXT_CERTIFICATE, NEXT_KEY);
        data
    }

    /// Who signs a certificate that is needed now: the successor only where nothing else can.
    #[must_use]
    pub fn issuer(&self, now: Timestamp) -> Option<&Pair> {
        self.signer(now).or(self.next.as_ref())
    }

    /// The authority that signs, if it can.
    #[must_use]
    pub fn signer(&self, now: Timestamp) -> Option<&Pair> {
        self.signer
            .as_ref()
            .filter(|signer| now < signer.certificate().not_after)
    }

    /// The successor that waits, if there is one.
    #[must_use]
    pub fn successor(&self) -> Option<&Certificate> {
        self.next.as_ref().map(Pair::certificate)
    }

    /// Every certificate that is believed, oldest first.
    pub fn bundle(&self, now: Timestamp) -> impl Iterator<Item = &Certificate> {
        self.bundle.iter().filter(move |c| now < c.not_after)
    }

    /// The bundle as PEM.
    #[must_use]
    pub fn bundle_pem(&self, now: Timestamp) -> String {
        self.bundle(now).map(Certificate::pem).collect()
    }

    /// Believes the authorities in `certificates` too. For when our own Secret was lost and
    /// the copies in the others are all that is left.
    pub fn recover(&mut self, certificates: impl IntoIterator<Item = Certificate>) {
        self.bundle
            .extend(certificates.into_iter().filter(|c| c.authority));
        self.collect_bundle();
    }

    /// What to do, given all certificates that were issued (`leaves`).
    #[must_use]
    pub fn step<'a>(&self, leaves: impl IntoIterator<Item = &'a Held>, now: Timestamp) -> Step {
        let alive: Vec<&Held> = leaves
            .into_iter()
            .filter(|leaf| leaf.is_alive(self, now))
            .collect();
        let next = self
            .next
            .as_ref()
            .filter(|n| now < n.certificate().not_after);
        match (self.signer(now).map(Pair::certificate), next) {
            (Some(signer), None) if now < renewal(signer.not_before, signer.not_after) => {
                Step::Keep
            }
            (None, None) if alive.is_empty() => Step::Replace,
            (_, None) => Step::Announce,
            (None, Some(_)) if alive.is_empty() => Step::Promote,
            (signer, Some(next)) => {
                let announced = announced(next.certificate(), &alive);
                if announced.is_some_and(|since| now.duration_since(since) >= wait(signer, now)) {
                    Step::Promote
                } else {
                    Step::Keep
                }
            }
        }
    }

    /// Carries out `step`; `make` draws a new authority where one is needed.
    pub fn take<E>(&mut self, step: Step, make: impl FnOnce() -> Result<Pair, E>) -> Result<(), E> {
        match step {
            Step::Keep => {}
            Step::Announce => self.next = Some(make()?),
            Step::Promote => self.signer = self.next.take(),
            Step::Replace => {
                self.signer = Some(make()?);
                self.next = None;
            }
        }
        self.collect_bundle();
        Ok(())
    }

    /// When to look at the authority again: its renewal, the end of a waiting time, the end
    /// of one in the bundle.
    #[must_use]
    pub fn next_look<'a>(
        &self,
        leaves: impl IntoIterator<Item = &'a Held>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let ends = self.bundle(now).map(|c| c.not_after);
        let signer = self.signer(now).map(Pair::certificate);
        let turn = match &self.next {
            None => signer.map(|s| renewal(s.not_before, s.not_after)),
            Some(next) => {
                let leaves: Vec<&Held> = leaves.into_iter().collect();
                let since = announced(next.certificate(), &leaves).unwrap_or(now);
                since.saturating_add(wait(signer, now)).ok()
            }
        };
        ends.chain(turn).min()
    }

    /// Brings signer, successor and all that is believed into one order without doubles.
    fn collect_bundle(&mut self) {
        let ours = [&self.signer, &self.next].into_iter().flatten();
        self.bundle
            .extend(ours.map(|pair| pair.certificate().clone()));
        self.bundle
            .sort_by(|a, b| (a.not_before, &a.der()[..]).cmp(&(b.not_before, &b.der()[..])));
        self.bundle.dedup();
    }
}

/// Since when every one of these has held `next` in its bundle.
fn announced(next: &Certificate, leaves: &[&Held]) -> Option<Timestamp> {
    leaves
        .iter()
        .map(|leaf| leaf.since.filter(|_| leaf.bundle.contains(next)))
        .collect::<Option<Vec<_>>>()?
        .into_iter()
        .max()
}

/// How long a successor waits: no longer than it must when the signer is lost or near its end.
fn wait(signer: Option<&Certificate>, now: Timestamp) -> SignedDuration {
    match signer {
        Some(signer) if signer.not_after.duration_since(now) > LEAF_LIFE + NOTICE => NOTICE,
        _ => OVERLAP,
    }
}
