//! A directory in which things happen, a network, and a replica.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use plenum_directory::model::{
    Access, AccountRole, ChangePage, Item, Mark, Meeting, MeetingKind, MeetingSettings, NewAccount,
    NewMeeting, Revision,
};
use plenum_directory::replica::{Pulling, Verdict};
use plenum_directory::store::{Config, Store};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tempfile::TempDir;

/// From a question to its answer.
const FLIGHT: Duration = Duration::from_millis(60);
/// How long nobody knows that an answer will not come.
const PATIENCE: Duration = Duration::from_secs(10);
/// Changes of one answer.
const PIECE: u32 = 7;

pub struct Life {
    files: TempDir,
    pub primary: Store,
    pub replica: Store,
    pub pulling: Pulling,
    mark: Option<Mark>,
    pub now: Instant,
    /// Whether questions arrive.
    pub connected: bool,
    /// Of so many answers, one is lost.
    pub loses_one_of: Option<u32>,
    /// Questions so far, and answers that could not be used.
    pub questions: u32,
    pub anew: u32,
    dice: StdRng,
    meetings: Vec<Meeting>,
    people: u32,
}

fn time() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

async fn open(file: &Path) -> Store {
    let minute = Duration::from_secs(60);
    let config = Config {
        // However slow the machine is.
        patience: minute,
        answer: minute,
        ..Config::file(file)
    };
    Store::open(&config).await.unwrap()
}

impl Life {
    pub async fn begin() -> Self {
        let seed = rand::random();
        println!("seed {seed}");
        let files = tempfile::tempdir().unwrap();
        let now = Instant::now();
        Self {
            primary: open(&files.path().join("primary.db")).await,
            replica: open(&files.path().join("replica.db")).await,
            files,
            pulling: Pulling::new(None, now),
            mark: None,
            now,
            connected: true,
            loses_one_of: None,
            questions: 0,
            anew: 0,
            dice: StdRng::seed_from_u64(seed),
            meetings: Vec::new(),
            people: 0,
        }
    }

    /// Somebody does something at the directory.
    pub async fn something_happens(&mut self) {
        match self.dice.random_range(0..4) {
            0 | 1 => self.a_meeting_is_made().await,
            2 => self.a_meeting_is_renamed().await,
            _ => self.a_meeting_is_deleted().await,
        }
    }

    pub async fn a_meeting_is_made(&mut self) {
        self.people += 1;
        let account = NewAccount {
            name: format!("person{}", self.people).parse().unwrap(),
            display_name: "Somebody".parse().unwrap(),
            email: None,
            role: AccountRole::User,
            password: None,
        };
        let account = self.primary.add_account(account, time()).await.unwrap();
        let meeting = NewMeeting {
            owner: account.id,
            kind: MeetingKind::Instant,
            settings: MeetingSettings {
                title: None,
                hosts: Vec::new(),
                invited: Vec::new(),
                access: Access::Anyone,
                waiting_room: false,
                join_before_host: true,
            },
            passcode: Some("1234".parse().unwrap()),
        };
        let meeting = self.primary.add_meeting(meeting, time()).await.unwrap();
        self.meetings.push(meeting);
    }

    async fn a_meeting_is_renamed(&mut self) {
        let Some(chosen) = self.choose() else { return };
        let mut meeting = self.meetings[chosen].clone();
        meeting.settings.title = Some("Tea".parse().unwrap());
        self.meetings[chosen] = self.primary.change_meeting(&meeting).await.unwrap();
    }

    async fn a_meeting_is_deleted(&mut self) {
        let Some(chosen) = self.choose() else { return };
        let meeting = self.meetings.swap_remove(chosen);
        self.primary
            .delete_meeting(meeting.number, None)
            .await
            .unwrap();
    }

    fn choose(&mut self) -> Option<usize> {
        (!self.meetings.is_empty()).then(|| self.dice.random_range(0..self.meetings.len()))
    }

    /// Meetings that there are.
    pub fn meetings(&self) -> &[Meeting] {
        &self.meetings
    }

    /// A while passes, in which something happens now and then.
    pub async fn goes_on(&mut self, span: Duration, happens_every: Option<Duration>) {
        let end = self.now + span;
        let mut next = happens_every.map(|every| self.now + every);
        while self.now < end {
            let pull = self.pulling.next_timeout().unwrap();
            let first = next.map_or(pull, |next| pull.min(next)).min(end);
            self.now = self.now.max(first);
            if let (Some(at), Some(every)) = (next, happens_every)
                && at <= self.now
            {
                self.something_happens().await;
                next = Some(at + every);
            }
            if pull <= self.now {
                self.pull().await;
            }
        }
    }

    async fn pull(&mut self) {
        self.questions += 1;
        let after = self.pulling.ask();
        let share = self.dice.random();
        let lost = self
            .loses_one_of
            .is_some_and(|of| self.dice.random_ratio(1, of));
        if !self.connected || lost {
            self.now += PATIENCE;
            self.pulling.failed(share, None, self.now);
            return;
        }
        self.now += FLIGHT;
        let page = self.answer(after).await;
        match self.pulling.answered(&page, share, self.now) {
            Verdict::Apply => {}
            Verdict::Anew => {
                self.anew += 1;
                return;
            }
            Verdict::Nonsense(what) => panic!("{what}: {page:?}"),
        }
        self.replica.apply(&page).await.unwrap();
        self.mark = Some(page.mark);
        self.pulling.applied(&page, self.now);
        if page.after == Revision(0) && after > Revision(0) {
            self.anew += 1;
        }
    }

    /// As `GET /v1/replica/changes` does.
    async fn answer(&self, after: Revision) -> ChangePage {
        let known = match self.mark {
            Some(mark) => self.primary.remembers(mark).await.unwrap(),
            None => true,
        };
        let after = if known { after } else { Revision(0) };
        self.primary.changes(after, PIECE).await.unwrap()
    }

    /// Whether the replica has what the directory has.
    pub async fn is_reconciled(&self) -> bool {
        everything(&self.primary).await == everything(&self.replica).await
    }

    /// Copies the directory's database, or puts the copy in its place.
    pub async fn backup(&mut self) {
        self.copy("primary.db", "backup.db").await;
    }

    pub async fn restore(&mut self) {
        self.copy("backup.db", "primary.db").await;
        let there = everything(&self.primary).await;
        let there = there.into_iter().filter_map(|item| match item {
            Item::Meeting(meeting) => Some(meeting),
            _ => None,
        });
        self.meetings = there.collect();
        // Those who came since will have other names.
        self.people += 1_000;
    }

    async fn copy(&mut self, from: &str, to: &str) {
        // What it wrote beside the file goes into it.
        self.primary.close().await;
        let file = |name: &str| -> PathBuf { self.files.path().join(name) };
        for beside in ["-wal", "-shm"] {
            drop(std::fs::remove_file(file(&format!("{to}{beside}"))));
            assert!(!file(&format!("{from}{beside}")).exists());
        }
        std::fs::copy(file(from), file(to)).unwrap();
        self.primary = open(&file("primary.db")).await;
    }
}

/// All there is in a database but what is gone.
pub async fn everything(store: &Store) -> Vec<Item> {
    let (mut all, mut after) = (Vec::new(), Revision(0));
    loop {
        let page = store.changes(after, 1_000).await.unwrap();
        after = page.next;
        let last = page.is_last();
        let items = page.changes.into_iter().map(|change| change.item);
        all.extend(items.filter(|item| {
            matches!(
                item,
                Item::Account(_) | Item::Meeting(_) | Item::PasscodeKey(_) | Item::Zone(_)
            )
        }));
        if last {
            return all;
        }
    }
}
