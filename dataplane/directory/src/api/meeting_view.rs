//! Meetings as they are shown and written.

use jiff::Timestamp;
use jiff::civil::DateTime;
use plenum_wire::MeetingId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Directory;
use super::auth::SignedIn;
use super::etag::Versioned;
use super::extract::Change;
use super::people::{People, Person, called};
use super::problem::{Answer, Problem};
use crate::model::{
    Access, AccountId, Meeting, MeetingKind, MeetingNumber, MeetingSettings, Occurrence, Passcode,
    Recurrence, Schedule, Title,
};

/// What kind of meeting it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Takes place at times.
    Scheduled,
    /// Made to be used at once.
    Instant,
    /// Its owner's own, for ever, also found by its owner's name.
    Personal,
}

/// Who may join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccessName {
    /// Everybody who knows the number, and the passcode if there is one.
    Anyone,
    /// Everybody who is signed in.
    SignedIn,
    /// The owner, the hosts and the invited.
    Invited,
}

impl From<Access> for AccessName {
    fn from(access: Access) -> Self {
        match access {
            Access::Anyone => Self::Anyone,
            Access::SignedIn => Self::SignedIn,
            Access::Invited => Self::Invited,
        }
    }
}

impl From<AccessName> for Access {
    fn from(access: AccessName) -> Self {
        match access {
            AccessName::Anyone => Self::Anyone,
            AccessName::SignedIn => Self::SignedIn,
            AccessName::Invited => Self::Invited,
        }
    }
}

/// When a meeting takes place.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Times {
    /// The first start, in the local time of `zone`.
    #[schema(
        value_type = String,
        example = "2027-03-01T09:00:00",
        pattern = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$"
    )]
    start: DateTime,
    /// A name of the IANA time zone database.
    #[schema(example = "Europe/Berlin", max_length = 64)]
    zone: String,
    /// How long it lasts.
    #[schema(minimum = 1, maximum = 1440)]
    minutes: u16,
    /// When it comes back: an RRULE (RFC 5545), daily or less often.
    #[serde(default)]
    #[schema(example = "FREQ=WEEKLY;BYDAY=MO,WE", max_length = 256)]
    rule: Option<String>,
    /// Starts that fall out, in local time.
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 1000)]
    except: Vec<DateTime>,
    /// How many people are expected each time, so that there is room when they come.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 5000)]
    expected: Option<u16>,
}

impl From<&Schedule> for Times {
    fn from(schedule: &Schedule) -> Self {
        let recurrence = schedule.recurrence();
        Self {
            start: schedule.start(),
            zone: schedule.zone().to_owned(),
            minutes: schedule.minutes(),
            rule: recurrence.map(|it| it.rule().to_owned()),
            except: recurrence.map_or_else(Vec::new, |it| it.except().to_vec()),
            expected: schedule.expected(),
        }
    }
}

impl Times {
    /// The schedule, if it is one.
    pub fn schedule(self) -> Answer<Schedule> {
        let recurrence = match self.rule {
            None => None,
            Some(rule) => {
                let recurrence = Recurrence::new(&rule, self.except);
                Some(recurrence.map_err(|error| Problem::bad_request(error.to_string()))?)
            }
        };
        Schedule::new(self.start, &self.zone, self.minutes, recurrence)
            .and_then(|schedule| schedule.expecting(self.expected))
            .map_err(|error| Problem::bad_request(error.to_string()))
    }
}

/// A meeting.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeetingView {
    /// Its number, which people join with.
    #[schema(value_type = String)]
    id: MeetingId,
    /// Whose it is; always a host.
    owner: Option<Person>,
    /// What kind of meeting it is.
    kind: Kind,
    /// When it takes place, if it is scheduled.
    times: Option<Times>,
    /// What it is about.
    title: Option<String>,
    /// Hosts beside the owner, but those whose accounts are gone.
    hosts: Vec<Person>,
    /// Who may join by name, but those whose accounts are gone. Who is no host sees only
    /// themselves.
    invited: Vec<Person>,
    /// Who may join.
    access: AccessName,
    /// Whether a host lets each of them in.
    waiting_room: bool,
    /// Whether people may be there before a host is.
    join_before_host: bool,
    /// Whether it asks for a passcode.
    has_passcode: bool,
    /// The passcode, in the answer to the request that sets it: afterwards nobody knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    passcode: Option<String>,
    /// When a host ended it for good.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended: Option<Timestamp>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
}

impl MeetingView {
    /// Everybody who is named in these meetings.
    pub async fn people(directory: &Directory, meetings: &[Meeting]) -> Answer<People> {
        let people = meetings.iter();
        let people = people.flat_map(|meeting| named(meeting.owner, &meeting.settings));
        People::of(directory, people.collect()).await
    }

    /// Everybody who is named in one meeting. To be asked before it is written: afterwards a
    /// database that is away would leave its owner without an answer, and without the passcode.
    pub async fn people_of(
        directory: &Directory,
        owner: AccountId,
        settings: &MeetingSettings,
    ) -> Answer<People> {
        People::of(directory, named(owner, settings).collect()).await
    }

    /// As it is shown; `passcode` only where it has just been set.
    pub fn of(meeting: Meeting, people: &People, passcode: Option<&Passcode>) -> Self {
        let (kind, times) = match &meeting.kind {
            MeetingKind::Scheduled { schedule } => (Kind::Scheduled, Some(schedule.into())),
            MeetingKind::Instant => (Kind::Instant, None),
            MeetingKind::Personal => (Kind::Personal, None),
        };
        let settings = meeting.settings;
        Self {
            id: meeting.number.id(),
            owner: people.one(meeting.owner),
            kind,
            times,
            title: settings.title.map(String::from),
            hosts: people.all(&settings.hosts),
            invited: people.all(&settings.invited),
            access: settings.access.into(),
            waiting_room: settings.waiting_room,
            join_before_host: settings.join_before_host,
            has_passcode: meeting.passcode.is_some(),
            passcode: passcode.map(|passcode| passcode.reveal().to_owned()),
            ended: meeting.ended,
            created: meeting.created,
        }
    }

    /// The same with the meeting's version.
    pub fn versioned(
        meeting: Meeting,
        people: &People,
        passcode: Option<&Passcode>,
    ) -> Versioned<Self> {
        Versioned(meeting.revision, Self::of(meeting, people, passcode))
    }
}

fn named(owner: AccountId, settings: &MeetingSettings) -> impl Iterator<Item = AccountId> {
    let others = settings.hosts.iter().chain(&settings.invited).copied();
    others.chain([owner])
}

/// What may be said of a meeting when it is made or changed; what is left out stays, or is as
/// usual.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct Wishes {
    /// What it is about; `null` takes it away.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256)]
    title: Change<Title>,
    /// When it takes place: for scheduled meetings only.
    #[serde(default)]
    pub times: Option<Times>,
    /// Hosts beside the owner, each by the name or id of their account.
    #[serde(default)]
    #[schema(max_items = 1000)]
    hosts: Option<Vec<String>>,
    /// Who may join by name, and without the passcode; said in the same way.
    #[serde(default)]
    #[schema(max_items = 1000)]
    invited: Option<Vec<String>>,
    /// Who may join; usually `anyone`.
    #[serde(default)]
    access: Option<AccessName>,
    /// Whether a host lets each of them in; usually not.
    #[serde(default)]
    waiting_room: Option<bool>,
    /// Whether people may be there before a host is; usually they may.
    #[serde(default)]
    join_before_host: Option<bool>,
    /// 4 to 32 letters, digits and signs of ASCII; `null` for none. A new meeting without this
    /// field gets six digits.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 4, max_length = 32)]
    pub passcode: Change<Passcode>,
}

impl Wishes {
    /// Settings as they are usual, with what is wished.
    pub async fn settings(
        &mut self,
        directory: &Directory,
        caller: &SignedIn,
    ) -> Answer<MeetingSettings> {
        let mut settings = MeetingSettings::usual();
        self.change(directory, caller, &mut settings).await?;
        Ok(settings)
    }

    /// Changes what is wished.
    pub async fn change(
        &mut self,
        directory: &Directory,
        caller: &SignedIn,
        settings: &mut MeetingSettings,
    ) -> Answer<()> {
        for (field, wished, people) in [
            ("hosts", self.hosts.take(), &mut settings.hosts),
            ("invited", self.invited.take(), &mut settings.invited),
        ] {
            if let Some(wished) = wished {
                *people = called(directory, caller, field, &wished, people).await?;
            }
        }
        settings.title = std::mem::take(&mut self.title).after(settings.title.take());
        if let Some(access) = self.access {
            settings.access = access.into();
        }
        if let Some(waiting_room) = self.waiting_room {
            settings.waiting_room = waiting_room;
        }
        if let Some(join_before_host) = self.join_before_host {
            settings.join_before_host = join_before_host;
        }
        Ok(())
    }
}

/// A meeting to be made.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewMeetingView {
    /// What kind of meeting it is.
    pub kind: Kind,
    /// What else is said of it.
    #[serde(flatten)]
    pub wishes: Wishes,
}

/// One time that a meeting takes place.
#[derive(Debug, Serialize, ToSchema)]
pub struct OccurrenceView {
    /// It begins.
    #[schema(value_type = String, format = DateTime)]
    start: Timestamp,
    /// It ends.
    #[schema(value_type = String, format = DateTime)]
    end: Timestamp,
}

impl From<Occurrence> for OccurrenceView {
    fn from(occurrence: Occurrence) -> Self {
        Self {
            start: occurrence.start,
            end: occurrence.end,
        }
    }
}

/// The number in a path, as people write it or as it is.
pub fn number(text: &str) -> Answer<MeetingNumber> {
    let digits: String = text.chars().filter(|c| !matches!(c, '-' | '.')).collect();
    digits.parse().map_err(|_| {
        Problem::from(plenum_wire::directory::Denial::NotFound).saying("there is no such meeting")
    })
}
