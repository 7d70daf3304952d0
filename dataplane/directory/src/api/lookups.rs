//! `POST /v1/lookup`: whether somebody may join, and as what. It is decided in
//! [`crate::lookup`]; here are the reads and writes around that. Where is in `offers`.
//!
//! Who knows nothing is answered from one indexed query. Passcodes are compared by a keyed
//! hash: they are short, and no slow hash would save them from who has the database. What
//! saves them from everybody else is that guesses are counted.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::{Extension, Json};
use jiff::{SignedDuration, Timestamp};
use plenum_transport::rate::household;
use plenum_wire::directory::{Denial, Lookup, LookupRequest, Role, TOKEN_LIFETIME_S};
use plenum_wire::{DisplayName, MeetingId};

use super::Directory;
use super::auth::SignedIn;
use super::extract::Body;
use super::offers::{Offers, offers};
use super::problem::{Answer, Problem};
use super::request::ClientAddress;
use crate::lookup::{Asker, Life, Refused, Said, admit};
use crate::model::{Meeting, MeetingNumber, NewWaiting, SecretHash, Waiting, WaitingState};
use crate::tokens::Grant;
use crate::{random, store};

/// How often who waits is to ask again.
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// Who does not ask again for so long has gone from the waiting room.
const WAITS_FOR: SignedDuration = SignedDuration::from_secs(60);
/// Who was let in comes back without asking for so long: longer than meetings last.
const LET_IN_FOR: SignedDuration = SignedDuration::from_hours(12);
/// How exactly those times are kept: not every question is a write.
const GRAIN: SignedDuration = SignedDuration::from_secs(20);
/// How long after a host looked a meeting up others may follow, until its zone says that it
/// runs.
const HOST_COMES_FOR: SignedDuration = SignedDuration::from_mins(2);
/// Longest wait that is asked for.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(5);

/// Look a meeting up.
///
/// The start of every join. Answers with a token for the zones that may host the meeting,
/// preferred first. Who has to wait for a host asks again with `waiting` of the problem.
#[utoipa::path(
    post, path = "/v1/lookup", tag = "joining",
    request_body = LookupRequest,
    responses((status = 200, body = Lookup)),
    security((), ("bearer" = []))
)]
pub async fn look_up(
    State(directory): State<Directory>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    caller: Result<Option<SignedIn>, Problem>,
    body: Result<Body<LookupRequest>, Problem>,
) -> Answer<Json<Lookup>> {
    let answer = async {
        let Body(request) = body?;
        let caller = caller?;
        let question = Question {
            directory: &directory,
            address,
            caller,
            request,
            now: directory.time(),
        };
        question.answer().await
    };
    let answer = answer.await;
    let refused = answer.as_ref().err().map(Problem::code);
    directory.metrics().lookup(refused);
    answer.map(Json)
}

struct Question<'a> {
    directory: &'a Directory,
    address: IpAddr,
    caller: Option<SignedIn>,
    request: LookupRequest,
    now: Timestamp,
}

impl Question<'_> {
    async fn answer(&self) -> Answer<Lookup> {
        // Before all is known, nothing can be said not to exist.
        self.directory.keys()?;
        self.may_ask()?;
        let meeting = self.find().await?;
        self.may_know(&meeting)?;
        let id = meeting.number.id();
        let said = self.said(&meeting)?;
        let knock = self.knock(&meeting).await?;
        let role = self.role(&meeting, &id, said, knock.as_ref()).await?;
        if role == Role::Host && !meeting.settings.join_before_host {
            self.directory
                .store()
                .host_seen(meeting.number, self.now)
                .await?;
        }
        self.directory.note_use(&meeting, self.now).await?;
        let begin_in = self.request.begin_in.as_ref();
        let offers = offers(
            self.directory,
            meeting.number,
            self.address,
            begin_in,
            self.now,
        );
        self.permit(&meeting, id, role, offers.await?)
    }

    /// Who has guessed wrong too often learns nothing more, right or wrong, and costs no
    /// query. Who is signed in may be invited, which only the meeting tells.
    fn may_ask(&self) -> Answer<()> {
        if self.caller.is_some() {
            return Ok(());
        }
        self.may_guess()
    }

    /// Who is not invited by name must not learn from a refusal that the meeting is there.
    fn may_know(&self, meeting: &Meeting) -> Answer<()> {
        if self.is_invited(meeting) {
            return Ok(());
        }
        self.may_guess()
    }

    fn is_invited(&self, meeting: &Meeting) -> bool {
        let account = self.caller.as_ref().map(|caller| caller.account.id);
        account.is_some_and(|id| meeting.is_invited(id))
    }

    fn may_guess(&self) -> Answer<()> {
        let guesses = self.directory.limits().passcodes();
        let allowed = guesses.allow(self.address, None, Instant::now());
        allowed.map_err(Problem::too_many)
    }

    async fn find(&self) -> Answer<Meeting> {
        let found = self.directory.store().find_meeting(&self.normal()).await;
        let Err(store::Error::NotFound { .. }) = found else {
            return Ok(found?);
        };
        self.wrong("meeting", None)?;
        Err(Denial::UnknownMeeting.into())
    }

    /// People write `123-456-789`.
    fn normal(&self) -> MeetingId {
        let text = self.request.meeting.as_str();
        if !text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"-.".contains(&byte))
        {
            return self.request.meeting.clone();
        }
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        digits
            .parse()
            .unwrap_or_else(|_| self.request.meeting.clone())
    }

    /// Compares the passcode, if one was said and one is wanted.
    fn said(&self, meeting: &Meeting) -> Answer<Said> {
        let Some(passcode) = &self.request.passcode else {
            return Ok(Said::Nothing);
        };
        if meeting.passcode.is_none() || self.is_invited(meeting) {
            return Ok(Said::Nothing);
        }
        if !self.directory.store().passcode_matches(meeting, passcode) {
            self.wrong("passcode", Some(&meeting.number))?;
            return Ok(Said::Wrong);
        }
        let mut guesses = self.directory.limits().passcodes();
        let told = guesses.right(self.address, &meeting.number, Instant::now());
        told.map(|()| Said::Right).map_err(Problem::too_many)
    }

    /// The caller has guessed wrong, and may be told so.
    fn wrong(&self, kind: &'static str, about: Option<&MeetingNumber>) -> Answer<()> {
        let mut guesses = self.directory.limits().passcodes();
        let told = guesses.wrong(self.address, about, Instant::now());
        drop(guesses);
        let last = told.map_err(Problem::too_many)?;
        self.directory.metrics().wrong_guess(kind);
        if last {
            tracing::info!(kind, "wrong guesses are slowed down");
            tracing::debug!(kind, address = %self.address, meeting = %self.request.meeting, "guesses");
        }
        Ok(())
    }

    /// Where the caller is in the waiting room, if their proof is of there.
    async fn knock(&self, meeting: &Meeting) -> Answer<Option<Waiting>> {
        let proof = self.request.waiting.as_deref().and_then(SecretHash::of);
        let Some(proof) = proof.filter(|_| meeting.settings.waiting_room) else {
            return Ok(None);
        };
        let store = self.directory.store();
        match store.waiting(meeting.number, &proof, self.now).await {
            Err(store::Error::NotFound { .. }) => Ok(None),
            found => Ok(Some(found?)),
        }
    }

    async fn role(
        &self,
        meeting: &Meeting,
        id: &MeetingId,
        passcode: Said,
        knock: Option<&Waiting>,
    ) -> Answer<Role> {
        let asker = Asker {
            account: self.caller.as_ref().map(|caller| caller.account.id),
            passcode,
            waiting: knock.map(|knock| knock.state),
        };
        let mut life = Life {
            runs: self.directory.board().runs(id, self.now),
            host_comes: false,
        };
        let mut decided = admit(meeting, &asker, life, self.now);
        if decided == Err(Refused::NoHost) {
            life.host_comes = self.host_comes(meeting).await?;
            decided = admit(meeting, &asker, life, self.now);
        }
        match decided {
            Ok(role) => {
                self.keep_place(knock, LET_IN_FOR).await?;
                Ok(role)
            }
            Err(Refused::By(denial)) => Err(denial.into()),
            Err(Refused::NoHost) => Err(Problem::from(Denial::NotYet)
                .saying("ask again when a host has come")
                .after(ASK_AGAIN)),
            Err(Refused::Before(opens)) => Err(self.not_before(opens)),
            Err(Refused::Wait) => self.wait(meeting, knock).await,
        }
    }

    async fn host_comes(&self, meeting: &Meeting) -> Answer<bool> {
        let seen = self
            .directory
            .store()
            .host_last_seen(meeting.number)
            .await?;
        Ok(seen.is_some_and(|seen| self.now.duration_since(seen) < HOST_COMES_FOR))
    }

    fn not_before(&self, opens: Timestamp) -> Problem {
        let wait = opens.duration_since(self.now).min(LONGEST_WAIT);
        let wait = wait.try_into().unwrap_or(ASK_AGAIN);
        Problem::from(Denial::NotYet)
            .saying(format!("it opens at {opens}"))
            .after(wait)
    }

    /// Puts the caller into the waiting room, or keeps them there.
    async fn wait(&self, meeting: &Meeting, knock: Option<&Waiting>) -> Answer<Role> {
        let proof = match (knock, &self.request.waiting) {
            (Some(_), Some(proof)) => {
                self.keep_place(knock, WAITS_FOR).await?;
                proof.clone()
            }
            _ => self.enter(meeting).await?,
        };
        Err(Problem::from(Denial::WaitingForHost)
            .after(ASK_AGAIN)
            .waiting(proof))
    }

    async fn enter(&self, meeting: &Meeting) -> Answer<String> {
        let limits = self.directory.limits();
        limits
            .knock(self.address, Instant::now())
            .map_err(Problem::too_many)?;
        let secret = random::secret();
        let waiting = NewWaiting {
            meeting: meeting.number,
            name: self.name(),
            account: self.caller.as_ref().map(|caller| caller.account.id),
            household: household(self.address),
            secret: secret.hash(),
            expires: self.now + WAITS_FOR,
        };
        match self.directory.store().add_waiting(waiting, self.now).await {
            // Places get free by themselves.
            Err(store::Error::Full { .. }) => {
                return Err(Problem::from(Denial::TooManyRequests)
                    .saying("the waiting room is full; ask again later")
                    .after(ASK_AGAIN));
            }
            entered => entered?,
        };
        Ok(secret.reveal().to_owned())
    }

    /// Who signed in goes by their name; anybody else may call themselves what they like.
    fn name(&self) -> DisplayName {
        let account = self.caller.as_ref().map(|caller| &caller.account);
        let named = account.map(|account| &account.display_name);
        named
            .or(self.request.name.as_ref())
            .cloned()
            .unwrap_or_else(|| "Guest".parse().expect("a short name"))
    }

    async fn keep_place(&self, knock: Option<&Waiting>, until: SignedDuration) -> Answer<()> {
        let until = self.now + until;
        let Some(knock) = knock.filter(|knock| knock.state != WaitingState::Refused) else {
            return Ok(());
        };
        if until.duration_since(knock.expires) < GRAIN {
            return Ok(());
        }
        Ok(self
            .directory
            .store()
            .still_waiting(knock.id, until)
            .await?)
    }

    fn permit(
        &self,
        meeting: &Meeting,
        id: MeetingId,
        role: Role,
        offers: Offers,
    ) -> Answer<Lookup> {
        let Offers { zones, nowhere } = offers;
        let account = self.caller.as_ref().map(|caller| caller.account.id);
        let grant = Grant {
            subject: account.map_or_else(
                || format!("guest-{:032x}", random::bits()),
                |account| account.to_string(),
            ),
            zones: zones.iter().map(|offer| offer.zone.clone()).collect(),
            meeting: id.clone(),
            role,
            id: format!("{:032x}", random::bits()),
        };
        let seconds = u64::try_from(self.now.as_second()).unwrap_or(0);
        let signed = self.directory.keys()?.sign(grant, seconds);
        let token = signed.map_err(|error| {
            tracing::error!(%error, "signing a token");
            Problem::from(Denial::Unavailable)
        })?;
        let title = meeting.settings.title.as_ref();
        Ok(Lookup {
            meeting: id,
            title: title.map(|title| title.as_str().to_owned()),
            role,
            token,
            expires_in_s: TOKEN_LIFETIME_S,
            zones,
            nowhere,
        })
    }
}
