-- The same statements for SQLite and PostgreSQL. Times are milliseconds since 1970, lists
-- and schedules are JSON, secrets are there as hashes only. `revision` is the number of the
-- row's last change: what an update is checked against, and what replicas ask for.

-- One row: the database's name, the number of its last change, and up to which change
-- what is gone has been forgotten. Whoever changes something locks it first.
CREATE TABLE feed (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    head BIGINT NOT NULL,
    oldest BIGINT NOT NULL
);

-- What is gone, for replicas.
CREATE TABLE gone (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    revision BIGINT NOT NULL UNIQUE,
    PRIMARY KEY (kind, key)
);

-- One row in a replica: which feed it follows, and how far it is.
CREATE TABLE replica (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    feed TEXT NOT NULL,
    position BIGINT NOT NULL
);

CREATE TABLE account (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    email TEXT,
    role TEXT NOT NULL,
    disabled BOOLEAN NOT NULL,
    password TEXT,
    created BIGINT NOT NULL,
    revision BIGINT NOT NULL UNIQUE
);

CREATE TABLE login (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    kind TEXT NOT NULL,
    label TEXT NOT NULL,
    secret TEXT NOT NULL UNIQUE,
    created BIGINT NOT NULL,
    expires BIGINT,
    last_used BIGINT,
    revision BIGINT NOT NULL UNIQUE
);
CREATE INDEX login_account ON login (account, kind, id);
CREATE INDEX login_expires ON login (expires);

CREATE TABLE meeting (
    number BIGINT PRIMARY KEY,
    owner TEXT NOT NULL,
    kind TEXT NOT NULL,
    schedule TEXT,
    title TEXT,
    hosts TEXT NOT NULL,
    invited TEXT NOT NULL,
    access TEXT NOT NULL,
    waiting_room BOOLEAN NOT NULL,
    join_before_host BOOLEAN NOT NULL,
    passcode TEXT,
    ended BIGINT,
    created BIGINT NOT NULL,
    revision BIGINT NOT NULL UNIQUE
);
CREATE INDEX meeting_owner ON meeting (owner);
CREATE UNIQUE INDEX meeting_personal ON meeting (owner) WHERE kind = 'personal';
CREATE INDEX meeting_instant ON meeting (created) WHERE kind = 'instant';

-- Whose calendar a meeting is in: its owner, its hosts, the invited. Follows from `meeting`.
CREATE TABLE meeting_person (
    account TEXT NOT NULL,
    meeting BIGINT NOT NULL,
    PRIMARY KEY (account, meeting)
);
CREATE INDEX meeting_person_meeting ON meeting_person (meeting);

-- When a host was there last. Not a change of the meeting.
CREATE TABLE host_seen (
    meeting BIGINT PRIMARY KEY,
    at BIGINT NOT NULL
);

CREATE TABLE waiting (
    id TEXT PRIMARY KEY,
    meeting BIGINT NOT NULL,
    name TEXT NOT NULL,
    account TEXT,
    secret TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    asked BIGINT NOT NULL,
    expires BIGINT NOT NULL
);
CREATE INDEX waiting_meeting ON waiting (meeting, asked);
CREATE INDEX waiting_expires ON waiting (expires);

CREATE TABLE zone (
    name TEXT PRIMARY KEY,
    credential TEXT NOT NULL,
    networks TEXT NOT NULL,
    location TEXT,
    weight BIGINT NOT NULL,
    enabled BOOLEAN NOT NULL,
    created BIGINT NOT NULL,
    revision BIGINT NOT NULL UNIQUE
);

CREATE TABLE zone_report (
    zone TEXT NOT NULL,
    controller TEXT NOT NULL,
    heard BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (zone, controller)
);
CREATE INDEX zone_report_heard ON zone_report (heard);

CREATE TABLE signing_key (
    id TEXT PRIMARY KEY,
    pkcs8 TEXT NOT NULL,
    created BIGINT NOT NULL,
    active_from BIGINT NOT NULL,
    retired BIGINT,
    revision BIGINT NOT NULL UNIQUE
);

-- One row: what passcodes are hashed with.
CREATE TABLE passcode_key (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    value TEXT NOT NULL,
    revision BIGINT NOT NULL UNIQUE
);
