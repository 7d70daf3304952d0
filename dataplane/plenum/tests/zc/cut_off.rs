//! For half an hour a zone hears nothing new of its directory, and a replica goes on letting
//! people in. The replica's keys and tokens, and who looks at them, are real; the time is not.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use plenum::zc::Directory;
use plenum_directory::model::{KeyId, SigningKey, active_key};
use plenum_directory::random;
use plenum_directory::store::{Config, Store};
use plenum_directory::tokens::{Grant, KeyRing, PublicKey, Signer, generate};
use plenum_wire::MeetingId;
use plenum_wire::directory::{Role, TOKEN_LIFETIME_S};
use plenum_wire::join::Refusal;
use plenum_zone::admission::{Admission, Proof};
use tempfile::TempDir;

const ZONE: &str = "site.main";
const MEETING: &str = "4711";
const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const LIFETIME: SignedDuration = SignedDuration::from_secs(TOKEN_LIFETIME_S.cast_signed());
/// How long one key signs.
const MONTH: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A replica, as far as it signs.
struct Replica {
    store: Store,
    _files: TempDir,
}

impl Replica {
    async fn new() -> Self {
        let files = tempfile::tempdir().unwrap();
        let minute = Duration::from_mins(1);
        let config = Config {
            // However slow the machine is.
            patience: minute,
            answer: minute,
            ..Config::file(&files.path().join("replica.db"))
        };
        Self {
            store: Store::open(&config).await.unwrap(),
            _files: files,
        }
    }

    /// Makes, changes and forgets keys as it is time.
    async fn keys(&self, now: Timestamp) -> KeyRing {
        let make = |active_from| SigningKey {
            id: KeyId::from_random(random::bits()),
            pkcs8: generate(),
            created: now,
            active_from,
            retired: None,
        };
        let keys = self.store.rotate_keys(now, make).await.unwrap();
        let signs = active_key(&keys, now).unwrap();
        let signer = Signer::new(signs.id, &signs.pkcs8).unwrap();
        let public = keys.iter().filter_map(SigningKey::public);
        let published = public.map(|key| PublicKey::from(&key)).collect();
        KeyRing::new("https://meet.example.org".to_owned(), signer, published)
    }
}

fn token(keys: &KeyRing, zone: &str, meeting: &str, now: Timestamp) -> String {
    let grant = Grant {
        subject: "ada".to_owned(),
        zones: vec![zone.parse().unwrap()],
        meeting: meeting.parse().unwrap(),
        role: Role::Participant,
        id: random::bits().to_string(),
    };
    keys.sign(grant, unix(now)).unwrap()
}

fn unix(time: Timestamp) -> u64 {
    time.as_second().cast_unsigned()
}

/// What the zone says to somebody with this token.
fn admits(known: &Directory, token: &str, now: Timestamp) -> Result<(), Refusal> {
    let admission = Admission::Directory {
        zone: ZONE.parse().unwrap(),
    };
    let claims = known.verify(token);
    let proof = claims.as_ref().map_or(Proof::Forged, Proof::Token);
    let meeting: MeetingId = MEETING.parse().unwrap();
    admission.admit(&meeting, proof, unix(now))
}

#[tokio::test]
async fn tokens_of_a_replica_are_good_for_half_an_hour_and_longer_by_the_keys_that_were_known() {
    let replica = Replica::new().await;
    let made: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
    // The next key is made a day before its time.
    for now in [made, made + MONTH - SignedDuration::from_hours(24)] {
        replica.keys(now).await;
    }
    // A quarter of an hour before another key signs: the worst time to hear nothing new.
    let away = made + MONTH - 15 * MINUTE;
    let known = Directory::default();
    known.learn_from(
        "https://meet.example.org",
        replica.keys(away).await.jwks().clone(),
    );

    let first = replica.keys(away).await;
    let oldest = token(&first, ZONE, MEETING, away);
    let mut signers = BTreeSet::new();
    for minute in 0..30 {
        let now = away + minute * MINUTE;
        let keys = replica.keys(now).await;
        signers.insert(keys.signs().to_owned());
        let mine = token(&keys, ZONE, MEETING, now);
        let last = now + LIFETIME - SignedDuration::from_secs(1);
        for when in [now, last] {
            assert_eq!(admits(&known, &mine, when), Ok(()), "minute {minute}");
        }
        for (what, token, when) in [
            ("too old", mine, now + LIFETIME),
            (
                "of another zone",
                token(&keys, "site.other", MEETING, now),
                now,
            ),
            ("of another meeting", token(&keys, ZONE, "4712", now), now),
        ] {
            let says = admits(&known, &token, when);
            assert_eq!(says, Err(Refusal::Forbidden), "{what}, minute {minute}");
        }
    }
    assert_eq!(signers.len(), 2, "the key that signs has changed");
    let later = away + 30 * MINUTE;
    assert_eq!(admits(&known, &oldest, later), Err(Refusal::Forbidden));
    let stranger = Replica::new().await.keys(later).await;
    let forged = token(&stranger, ZONE, MEETING, later);
    assert_eq!(admits(&known, &forged, later), Err(Refusal::Forbidden));

    // Once it hears again, what an old key signs is worth nothing.
    let stolen = token(&first, ZONE, MEETING, later);
    assert_eq!(admits(&known, &stolen, later), Ok(()));
    let heard = later + SignedDuration::from_hours(1);
    known.learn_from(
        "https://meet.example.org",
        replica.keys(heard).await.jwks().clone(),
    );
    let stolen = token(&first, ZONE, MEETING, heard);
    assert_eq!(admits(&known, &stolen, heard), Err(Refusal::Forbidden));
    let fresh = token(&replica.keys(heard).await, ZONE, MEETING, heard);
    assert_eq!(admits(&known, &fresh, heard), Ok(()));
}
