//! One pass over all certificates of a zone: what is held goes in, what should be held comes
//! out. Whoever writes it compares and writes the difference.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::authority::{self, Authority};
use super::certificate::Pair;
use super::issue::{self, IssueError};
use super::leaf::{self, Held, Role, Step, Why, ZoneNames};
use super::{Data, renewal, signing_key};

/// What the Secrets of a zone hold. `None`: there is no such Secret.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The authority's.
    pub authority: Option<Data>,
    /// Those of the certificates it signs.
    pub leaves: BTreeMap<Role, Held>,
    /// The signing key's.
    pub signing_key: Option<Data>,
}

/// What the Secrets of a zone should hold.
#[derive(Debug, Clone)]
pub struct Renewed {
    /// The authority's. It is to be written first: nothing may be signed by a key that could
    /// still be lost.
    pub authority: Data,
    /// Those of the certificates it signs.
    pub leaves: BTreeMap<Role, Held>,
    /// The signing key's.
    pub signing_key: Data,
    /// When the authority that signs ends.
    pub until: Timestamp,
    /// A successor is in every bundle and does not sign yet.
    pub announced: bool,
    /// What a person would want to know, in sentences.
    pub notes: Vec<Note>,
    /// When there is something to do next.
    pub look_again: Timestamp,
}

/// Something that happened to the certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// In the order of things.
    Done(String),
    /// Somebody or something damaged a Secret; it was repaired.
    Repaired(String),
}

/// Decides and makes all that `roles` of the zone need at `now`.
pub fn renew(
    seen: &Seen,
    zone: &ZoneNames,
    roles: &[Role],
    now: Timestamp,
) -> Result<Renewed, IssueError> {
    let mut notes = Vec::new();
    let authority = authority(seen, zone, now, &mut notes)?;
    let mut leaves = BTreeMap::new();
    for &role in roles {
        let leaf = leaf(
            seen.leaves.get(&role),
            zone,
            role,
            &authority,
            now,
            &mut notes,
        )?;
        leaves.insert(role, leaf);
    }
    let signing_key = signing_key(seen.signing_key.as_ref(), now, &mut notes)?;
    let look_again = look_again(&authority, &leaves, now);
    Ok(Renewed {
        authority: authority.write(now),
        until: issuer(&authority, now).certificate().not_after,
        announced: authority.successor().is_some(),
        leaves,
        signing_key,
        notes,
        look_again,
    })
}

fn authority(
    seen: &Seen,
    zone: &ZoneNames,
    now: Timestamp,
    notes: &mut Vec<Note>,
) -> Result<Authority, IssueError> {
    let (mut authority, faults) = seen
        .authority
        .as_ref()
        .map(Authority::read)
        .unwrap_or_default();
    notes.extend(
        faults.iter().map(|fault| {
            Note::Repaired(format!("The Secret of the authority was damaged: {fault}."))
        }),
    );
    if seen.authority.is_none() || !faults.is_empty() {
        authority.recover(seen.leaves.values().flat_map(|leaf| leaf.bundle.clone()));
    }
    let step = authority.step(seen.leaves.values(), now);
    authority.take(step, || issue::authority(&zone.qualified(), now))?;
    let said = match step {
        authority::Step::Keep => return Ok(authority),
        authority::Step::Announce => {
            "A new authority was added to all bundles; it signs once every peer had time to \
             learn of it. Give clients the new ca.crt."
        }
        authority::Step::Promote => "The new authority signs from now on.",
        authority::Step::Replace => "A new authority was made.",
    };
    notes.push(Note::Done(said.to_owned()));
    Ok(authority)
}

fn leaf(
    held: Option<&Held>,
    zone: &ZoneNames,
    role: Role,
    authority: &Authority,
    now: Timestamp,
    notes: &mut Vec<Note>,
) -> Result<Held, IssueError> {
    let wanted = zone.wanted(role);
    let step = leaf::step(held, &wanted, authority, now);
    let pair = match (step, held.and_then(|held| held.pair.clone())) {
        (Step::Keep | Step::Rebundle, Some(pair)) => pair,
        (_, _) => issue::leaf(issuer(authority, now), &wanted, now)?,
    };
    if let Step::Make(why) = step {
        let text = format!("A new {role:?} certificate was issued: {}.", why.as_str());
        notes.push(match why {
            Why::Unreadable => Note::Repaired(text),
            _ => Note::Done(text),
        });
    }
    let known = held.filter(|held| held.bundle.iter().eq(authority.bundle(now)));
    Ok(Held {
        since: known.and_then(|held| held.since).or(Some(now)),
        bundle: authority.bundle(now).cloned().collect(),
        pair: Some(pair),
    })
}

fn issuer(authority: &Authority, now: Timestamp) -> &Pair {
    authority
        .issuer(now)
        .expect("every step of the authority leaves one that can sign")
}

fn signing_key(
    seen: Option<&Data>,
    now: Timestamp,
    notes: &mut Vec<Note>,
) -> Result<Data, IssueError> {
    let (mut keys, broken) = seen.map(signing_key::read).unwrap_or_default();
    for name in broken {
        notes.push(Note::Repaired(format!(
            "{name} in the Secret of the signing key is no Ed25519 key in PKCS #8 PEM named \
             <id>.pem; it was left out."
        )));
    }
    if keys.is_empty() {
        keys.insert(signing_key::name(now), issue::signing_key()?.into_bytes());
        notes.push(Note::Done("A signing key for tickets was made.".to_owned()));
    }
    Ok(keys)
}

fn look_again(authority: &Authority, leaves: &BTreeMap<Role, Held>, now: Timestamp) -> Timestamp {
    let renewals = leaves.values().filter_map(|leaf| {
        let certificate = leaf.pair.as_ref()?.certificate();
        Some(renewal(certificate.not_before, certificate.not_after))
    });
    authority
        .next_look(leaves.values(), now)
        .into_iter()
        .chain(renewals)
        .min()
        .unwrap_or(now)
}
