//! What Secrets hold that zones name and others keep. Of these only the metadata is watched; what
//! they hold is asked for by name, and again only after the watch has told that they came, changed
//! or went. A zone is looked at each time that one of its pools says something of itself.
//!
//! What is told while an answer is on its way may be newer than the answer, which is then used
//! once and not kept: the zones that name the Secret are looked at again because of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::Event;

use crate::cache::watch::unmanaged;
use crate::cache::{Item, Key};

/// The Secrets. Clones of it are the same one.
#[derive(Clone, Default)]
pub struct NamedSecrets(Arc<Mutex<Content>>);

#[derive(Default)]
struct Content {
    answers: HashMap<Key, Answer>,
    /// Requests up to now.
    asked: u64,
}

enum Answer {
    /// To the request of this number, unless a later one comes first.
    Awaited(u64),
    /// `None`: there is no such Secret.
    Kept(Option<<Secret as Item>::Kept>),
}

impl NamedSecrets {
    /// What is kept, or else what is `asked` for now.
    pub async fn get<E>(
        &self,
        key: &Key,
        asked: impl Future<Output = Result<Option<Secret>, E>>,
    ) -> Result<Option<Arc<Secret>>, E> {
        let kept = match self.lock().answers.get(key) {
            Some(Answer::Kept(kept)) => Some(kept.clone()),
            Some(Answer::Awaited(_)) | None => None,
        };
        match kept {
            Some(kept) => Ok(kept.as_ref().map(Secret::open)),
            None => self.ask(key, asked).await,
        }
    }

    /// What is `asked` for now, whatever is kept.
    pub async fn ask<E>(
        &self,
        key: &Key,
        asked: impl Future<Output = Result<Option<Secret>, E>>,
    ) -> Result<Option<Arc<Secret>>, E> {
        let number = self.lock().expect(key);
        let found = asked.await?.map(|mut secret| {
            unmanaged(&mut secret);
            Arc::new(secret)
        });
        let kept = found.as_ref().map(Secret::keep);
        if let Some(answer) = self.lock().answers.get_mut(key)
            && matches!(answer, Answer::Awaited(last) if *last == number)
        {
            *answer = Answer::Kept(kept);
        }
        Ok(found)
    }

    /// What the watch tells. After a new list all is asked for again: one that went before it is
    /// not told of.
    pub fn see(&self, event: &Event<PartialObjectMeta<Secret>>) {
        let answers = &mut self.lock().answers;
        match event {
            Event::Apply(secret) | Event::InitApply(secret) | Event::Delete(secret) => {
                answers.remove(&Key::of(secret));
            }
            Event::InitDone => answers.clear(),
            Event::Init => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    fn expect(&mut self, key: &Key) -> u64 {
        self.asked += 1;
        let awaited = Answer::Awaited(self.asked);
        self.answers.insert(key.clone(), awaited);
        self.asked
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::{pending, ready};

    use futures_util::FutureExt as _;
    use kube::ResourceExt as _;
    use kube::core::PartialObjectMetaExt as _;

    use super::*;

    fn key() -> Key {
        Key::new("n", "own")
    }

    fn secret(version: &str) -> Secret {
        let mut secret = Secret::default();
        secret.metadata.namespace = Some("n".to_owned());
        secret.metadata.name = Some("own".to_owned());
        secret.metadata.resource_version = Some(version.to_owned());
        secret
    }

    fn changed() -> Event<PartialObjectMeta<Secret>> {
        Event::Apply(secret("9").metadata.into_response_partial())
    }

    /// The version that is had where the API server would answer this.
    fn had(secrets: &NamedSecrets, there: Option<&str>) -> Option<String> {
        let answer = Ok::<_, Infallible>(there.map(secret));
        let found = secrets.get(&key(), ready(answer)).now_or_never();
        found.unwrap().unwrap()?.resource_version()
    }

    #[test]
    fn it_is_asked_for_once_until_the_watch_tells_of_it() {
        let secrets = NamedSecrets::default();
        assert_eq!(had(&secrets, Some("1")).as_deref(), Some("1"));
        assert_eq!(had(&secrets, Some("2")).as_deref(), Some("1"));
        secrets.see(&changed());
        assert_eq!(had(&secrets, Some("2")).as_deref(), Some("2"));
        let Event::Apply(it) = changed() else {
            unreachable!()
        };
        secrets.see(&Event::Delete(it));
        assert_eq!(had(&secrets, None), None);
        assert_eq!(had(&secrets, Some("3")), None);
        // It may have come while nobody watched.
        secrets.see(&Event::InitDone);
        assert_eq!(had(&secrets, Some("3")).as_deref(), Some("3"));
    }

    #[test]
    fn an_answer_that_may_be_older_than_what_the_watch_told_is_not_kept() {
        let secrets = NamedSecrets::default();
        let told_meanwhile = async {
            secrets.see(&changed());
            Ok::<_, Infallible>(Some(secret("1")))
        };
        let used = secrets.get(&key(), told_meanwhile).now_or_never();
        let used = used.unwrap().unwrap().unwrap();
        assert_eq!(used.resource_version().as_deref(), Some("1"));
        assert_eq!(had(&secrets, Some("2")).as_deref(), Some("2"));
    }

    #[test]
    fn nor_is_one_for_which_somebody_else_asked_again_meanwhile() {
        let secrets = NamedSecrets::default();
        let overtaken = async {
            secrets.see(&changed());
            let again = key();
            let later = secrets.get(&again, pending::<Result<_, Infallible>>());
            assert!(later.now_or_never().is_none());
            Ok::<_, Infallible>(Some(secret("1")))
        };
        secrets
            .get(&key(), overtaken)
            .now_or_never()
            .unwrap()
            .unwrap();
        assert_eq!(had(&secrets, Some("2")).as_deref(), Some("2"));
    }
}
