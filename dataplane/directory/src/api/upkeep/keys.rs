//! Which keys sign and are published, as the database says. They are read with every look, and
//! taken where they are others: what is withdrawn by another process is gone within a second.

use jiff::Timestamp;

use super::super::Directory;
use crate::model::{KeyId, PublicKey, SigningKey, active_key};
use crate::random;
use crate::store;
use crate::tokens::{self, KeyRing, Signer, generate};

/// The keys that were read last.
pub struct Keys {
    directory: Directory,
    known: Option<Known>,
    /// A replica that has had everything once, and a directory, may answer.
    whole: bool,
}

#[derive(PartialEq, Eq)]
struct Known {
    own: Vec<SigningKey>,
    others: Vec<PublicKey>,
    signs: Option<KeyId>,
}

impl Keys {
    pub const fn new(directory: Directory) -> Self {
        Self {
            directory,
            known: None,
            whole: false,
        }
    }

    /// Reads them, makes and forgets some where it is time, and shows those that are there.
    pub async fn read(&mut self, now: Timestamp) -> Result<(), store::Error> {
        if self.directory.config().read_only {
            self.whole = self.whole || self.has_everything().await?;
            if !self.whole {
                return Ok(());
            }
            self.directory.store().learn_passcode_key().await?;
        }
        let store = self.directory.store();
        let own = store
            .rotate_keys(now, |active_from| new_key(now, active_from))
            .await?;
        let known = Known {
            signs: active_key(&own, now).map(|key| key.id),
            others: store.public_keys().await?,
            own,
        };
        if self.known.as_ref() != Some(&known) {
            self.show(&known);
            self.known = Some(known);
        }
        Ok(())
    }

    /// Before that a replica would say of meetings that they do not exist.
    async fn has_everything(&self) -> Result<bool, store::Error> {
        let followed = self.directory.store().followed().await?;
        Ok(followed.is_some_and(|followed| followed.whole))
    }

    fn show(&self, known: &Known) {
        if let Some(ring) = ring(&self.directory.config().issuer, known) {
            self.directory.set_keys(ring);
        } else {
            tracing::error!("there is no key to sign with");
        }
    }
}

fn new_key(created: Timestamp, active_from: Timestamp) -> SigningKey {
    SigningKey {
        id: KeyId::from_random(random::bits()),
        pkcs8: generate(),
        created,
        active_from,
        retired: None,
    }
}

/// The others are those of replicas, or what a replica knows of others. One that cannot be read
/// is left out: the others go on.
fn ring(issuer: &str, known: &Known) -> Option<KeyRing> {
    let signs = known.own.iter().find(|key| Some(key.id) == known.signs)?;
    let signer = Signer::new(signs.id, &signs.pkcs8)
        .inspect_err(|error| tracing::error!(%error, "the key that signs"))
        .ok()?;
    let own: Vec<PublicKey> = known.own.iter().filter_map(SigningKey::public).collect();
    let published = own.iter().chain(&known.others);
    let published = published.map(tokens::PublicKey::from).collect();
    Some(KeyRing::new(issuer.to_owned(), signer, published))
}
