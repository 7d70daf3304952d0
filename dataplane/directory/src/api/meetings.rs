//! Meetings, for those who are their hosts.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use plenum_wire::directory::Denial;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Directory;
use super::auth::SignedIn;
use super::etag::{IfMatch, Versioned};
use super::extract::{Body, Change, InPath, InQuery};
use super::meeting_view::{Kind, MeetingView, NewMeetingView, OccurrenceView, Wishes, number};
use super::paging::{Items, PageQuery};
use super::problem::{Answer, Problem};
use crate::model::{Meeting, MeetingKind, NewMeeting};
use crate::{random, store};

/// Times of one answer where nobody says otherwise, and at most.
const USUAL_TIMES: usize = 50;
const MOST_TIMES: usize = 500;

/// The meeting, for one of its hosts. Others learn no more of it than a lookup tells.
pub async fn of_host(directory: &Directory, caller: &SignedIn, id: &str) -> Answer<Meeting> {
    let meeting = found(directory, id).await?;
    if meeting.is_host(caller.account.id) || caller.is_admin() {
        return Ok(meeting);
    }
    Err(not_theirs())
}

/// The meeting, for those who are invited by name too.
async fn of_invited(directory: &Directory, caller: &SignedIn, id: &str) -> Answer<Meeting> {
    let meeting = found(directory, id).await?;
    if meeting.is_invited(caller.account.id) || caller.is_admin() {
        return Ok(meeting);
    }
    Err(not_theirs())
}

/// As somebody may see it who is in it. Who is merely invited sees the hosts, and of the others
/// nobody: what somebody is invited to may be theirs alone to know.
fn shown_to(caller: &SignedIn, mut meeting: Meeting) -> Meeting {
    let id = caller.account.id;
    if !meeting.is_host(id) && !caller.is_admin() {
        meeting.settings.invited.retain(|invited| *invited == id);
    }
    meeting
}

/// That a meeting is there must not show in the words of a refusal either.
async fn found(directory: &Directory, id: &str) -> Answer<Meeting> {
    let number = number(id).map_err(|_| not_theirs())?;
    match directory.store().meeting(number).await {
        Err(store::Error::NotFound { .. }) => Err(not_theirs()),
        found => Ok(found?),
    }
}

fn not_theirs() -> Problem {
    Problem::from(Denial::NotFound).saying("there is no such meeting of yours")
}

/// List the meetings that I own, host or am invited to.
///
/// A page has fewer than `limit` where they name many people: it is the last where `next` is
/// `null`.
#[utoipa::path(
    operation_id = "list_meetings",
    get, path = "/v1/meetings", tag = "meetings", params(PageQuery),
    responses((status = 200, body = Items<MeetingView>)),
    security(("bearer" = []))
)]
pub async fn list(
    State(directory): State<Directory>,
    caller: SignedIn,
    InQuery(page): InQuery<PageQuery>,
) -> Answer<Json<Items<MeetingView>>> {
    let page = page.page()?;
    let mut listed = directory
        .store()
        .meetings_of(caller.account.id, &page)
        .await?;
    let items = listed.items.into_iter();
    listed.items = items.map(|it| shown_to(&caller, it)).collect();
    let people = MeetingView::people(&directory, &listed.items).await?;
    Ok(Json(Items::of(listed, |meeting| {
        MeetingView::of(meeting, &people, None)
    })))
}

/// Make a meeting.
#[utoipa::path(
    operation_id = "create_meeting",
    post, path = "/v1/meetings", tag = "meetings",
    request_body = NewMeetingView,
    responses((status = 201, body = MeetingView, headers(("ETag" = String)))),
    security(("bearer" = []))
)]
pub async fn create(
    State(directory): State<Directory>,
    caller: SignedIn,
    Body(NewMeetingView { kind, mut wishes }): Body<NewMeetingView>,
) -> Answer<(StatusCode, Versioned<MeetingView>)> {
    directory.writable()?;
    let passcode = std::mem::take(&mut wishes.passcode).after(Some(random::passcode()));
    let owner = caller.account.id;
    let settings = wishes.settings(&directory, &caller).await?;
    let people = MeetingView::people_of(&directory, owner, &settings).await?;
    let meeting = NewMeeting {
        owner,
        kind: match (kind, wishes.times) {
            (Kind::Scheduled, Some(times)) => MeetingKind::Scheduled {
                schedule: times.schedule()?,
            },
            (Kind::Scheduled, None) => {
                return Err(Problem::bad_request("a scheduled meeting has \"times\""));
            }
            (_, Some(_)) => {
                return Err(Problem::bad_request(
                    "only scheduled meetings have \"times\"",
                ));
            }
            (Kind::Instant, None) => MeetingKind::Instant,
            (Kind::Personal, None) => MeetingKind::Personal,
        },
        settings,
        passcode: passcode.clone(),
    };
    let now = directory.time();
    let meeting = directory.store().add_meeting(meeting, now).await?;
    let view = MeetingView::versioned(meeting, &people, passcode.as_ref());
    Ok((StatusCode::CREATED, view))
}

/// Read a meeting.
#[utoipa::path(
    operation_id = "read_meeting",
    get, path = "/v1/meetings/{id}", tag = "meetings",
    params(("id" = String, Path, description = "The meeting's number")),
    responses((status = 200, body = MeetingView, headers(("ETag" = String)))),
    security(("bearer" = []))
)]
pub async fn read(
    State(directory): State<Directory>,
    caller: SignedIn,
    InPath(id): InPath<String>,
) -> Answer<Versioned<MeetingView>> {
    let meeting = shown_to(&caller, of_invited(&directory, &caller, &id).await?);
    let people = MeetingView::people_of(&directory, meeting.owner, &meeting.settings).await?;
    Ok(MeetingView::versioned(meeting, &people, None))
}

/// Change a meeting.
#[utoipa::path(
    operation_id = "change_meeting",
    patch, path = "/v1/meetings/{id}", tag = "meetings",
    params(
        ("id" = String, Path, description = "The meeting's number"),
        ("If-Match" = Option<String>, Header, description = "The ETag of what is changed"),
    ),
    request_body = Wishes,
    responses((status = 200, body = MeetingView, headers(("ETag" = String)))),
    security(("bearer" = []))
)]
pub async fn change(
    State(directory): State<Directory>,
    caller: SignedIn,
    InPath(id): InPath<String>,
    if_match: IfMatch,
    Body(mut wishes): Body<Wishes>,
) -> Answer<Versioned<MeetingView>> {
    directory.writable()?;
    let mut meeting = of_host(&directory, &caller, &id).await?;
    if_match.check(meeting.revision)?;
    let settings = &mut meeting.settings;
    wishes.change(&directory, &caller, settings).await?;
    if let Some(times) = wishes.times {
        let MeetingKind::Scheduled { schedule } = &mut meeting.kind else {
            return Err(Problem::bad_request(
                "only scheduled meetings have \"times\"",
            ));
        };
        *schedule = times.schedule()?;
    }
    let hash = |passcode| directory.store().passcode_hash(meeting.number, passcode);
    let passcode = match wishes.passcode {
        Change::Stays => None,
        Change::Gone => {
            meeting.passcode = None;
            None
        }
        Change::Is(passcode) => {
            meeting.passcode = Some(hash(&passcode));
            Some(passcode)
        }
    };
    let people = MeetingView::people_of(&directory, meeting.owner, &meeting.settings).await?;
    let changed = directory.store().change_meeting(&meeting).await;
    let meeting = changed.map_err(|error| if_match.late(error))?;
    Ok(MeetingView::versioned(meeting, &people, passcode.as_ref()))
}

/// Delete a meeting: no lookup finds it any more.
///
/// Whoever is in it is put out of it, as when it is ended.
#[utoipa::path(
    operation_id = "remove_meeting",
    delete, path = "/v1/meetings/{id}", tag = "meetings",
    params(
        ("id" = String, Path, description = "The meeting's number"),
        ("If-Match" = Option<String>, Header, description = "The ETag of what is deleted"),
    ),
    responses((status = 204)),
    security(("bearer" = []))
)]
pub async fn remove(
    State(directory): State<Directory>,
    caller: SignedIn,
    InPath(id): InPath<String>,
    if_match: IfMatch,
) -> Answer<StatusCode> {
    directory.writable()?;
    let meeting = of_host(&directory, &caller, &id).await?;
    let still = if_match.still(meeting.revision)?;
    let removed = directory
        .store()
        .delete_meeting(meeting.number, still)
        .await;
    removed.map_err(|error| if_match.late(error))?;
    directory.look_again();
    Ok(StatusCode::NO_CONTENT)
}

/// End a meeting for good, with all its times: nobody is let in any more.
///
/// Whoever is in it is told so and put out within some seconds, as soon as their zone has reported
/// to this directory or to a replica of it; nobody comes in with a token that they have already, or
/// back after a break.
#[utoipa::path(
    operation_id = "end_meeting",
    post, path = "/v1/meetings/{id}/end", tag = "meetings",
    params(
        ("id" = String, Path, description = "The meeting's number"),
        ("If-Match" = Option<String>, Header, description = "The ETag of what is changed"),
    ),
    responses((status = 200, body = MeetingView, headers(("ETag" = String)))),
    security(("bearer" = []))
)]
pub async fn end(
    State(directory): State<Directory>,
    caller: SignedIn,
    InPath(id): InPath<String>,
    if_match: IfMatch,
) -> Answer<Versioned<MeetingView>> {
    directory.writable()?;
    let mut meeting = of_host(&directory, &caller, &id).await?;
    if_match.check(meeting.revision)?;
    let people = MeetingView::people_of(&directory, meeting.owner, &meeting.settings).await?;
    if meeting.ended.is_none() {
        meeting.ended = Some(directory.time());
        let changed = directory.store().change_meeting(&meeting).await;
        meeting = changed.map_err(|error| if_match.late(error))?;
        directory.look_again();
    }
    Ok(MeetingView::versioned(meeting, &people, None))
}

/// Which times to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TimesQuery {
    /// From when on; now if left out.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Times at most.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// When a meeting takes place.
#[derive(Debug, Serialize, ToSchema)]
pub struct TimesOf {
    /// In order; empty for meetings without a schedule.
    items: Vec<OccurrenceView>,
}

/// List the times at which a meeting takes place.
#[utoipa::path(
    operation_id = "list_occurrences",
    get, path = "/v1/meetings/{id}/occurrences", tag = "meetings",
    params(("id" = String, Path, description = "The meeting's number"), TimesQuery),
    responses((status = 200, body = TimesOf)),
    security(("bearer" = []))
)]
pub async fn occurrences(
    State(directory): State<Directory>,
    caller: SignedIn,
    InPath(id): InPath<String>,
    InQuery(TimesQuery { from, limit }): InQuery<TimesQuery>,
) -> Answer<Json<TimesOf>> {
    let limit = limit.unwrap_or(USUAL_TIMES);
    if !(1..=MOST_TIMES).contains(&limit) {
        let wrong = format!("\"limit\" is between 1 and {MOST_TIMES}");
        return Err(Problem::bad_request(wrong));
    }
    let meeting = of_invited(&directory, &caller, &id).await?;
    let items = match &meeting.kind {
        MeetingKind::Scheduled { schedule } => {
            let times = schedule.occurrences(from.unwrap_or_else(|| directory.time()), limit);
            times.into_iter().map(OccurrenceView::from).collect()
        }
        MeetingKind::Instant | MeetingKind::Personal => Vec::new(),
    };
    Ok(Json(TimesOf { items }))
}
