//! What a directory knows, as plain values. Each is parsed once at the border, so that what
//! must not exist cannot be built; time arrives as a value, dice are thrown elsewhere.
//!
//! | file | what |
//! |---|---|
//! | `id` | random identifiers, [`Revision`] |
//! | `account` | people and programs that sign in |
//! | `password` | argon2id hashes |
//! | `secret` | secrets made by us: of sessions, API tokens, zones, waiting rooms |
//! | `passcode` | what a meeting asks for, kept as a keyed hash |
//! | `login` | sessions and API tokens |
//! | `meeting` | meetings and who may join them |
//! | `ending` | meetings that are over, for zones that they may go on in |
//! | `schedule`, `recurrence` | when a meeting takes place |
//! | `waiting` | who waits for a host |
//! | `placement` | where a meeting begins |
//! | `zone` | the registry of zones |
//! | `key` | the keys that sign tokens, and when they change |
//! | `feed` | what replicas pull |
//! | `page` | lists in pieces |

mod account;
mod ending;
mod feed;
mod id;
mod key;
mod login;
mod meeting;
mod page;
mod passcode;
mod password;
mod placement;
mod recurrence;
mod schedule;
mod secret;
mod waiting;
mod zone;

pub use account::{Account, AccountName, AccountRole, Email, InvalidAccount, NewAccount};
pub use ending::Ending;
pub use feed::{Change, ChangePage, Followed, Item};
pub use id::{AccountId, FeedId, InvalidRandomId, KeyId, LoginId, Mark, Revision, WaitingId};
pub use key::{
    InvalidPublicHalf, Pkcs8, PublicHalf, PublicKey, Rotation, SigningKey, active_key, rotation,
};
pub use login::{Login, LoginKind, NewLogin, Showed};
pub use meeting::{
    Access, InvalidMeeting, Meeting, MeetingKind, MeetingNumber, MeetingSettings, NewMeeting, Title,
};
pub(crate) use page::fitting;
pub use page::{Listed, PAGE_LIMIT, Page};
pub use passcode::{InvalidPasscode, Passcode, PasscodeHash, PasscodeKey};
pub use password::{InvalidPassword, Password, PasswordHash};
pub use placement::Placement;
pub use recurrence::{InvalidRecurrence, Recurrence};
pub use schedule::{InvalidSchedule, Occurrence, Schedule, Timing};
pub use secret::{InvalidSecret, Secret, SecretHash};
pub use waiting::{NewWaiting, Waiting, WaitingState};
pub use zone::{Coordinates, InvalidZone, NewZone, StoredReport, Zone};
