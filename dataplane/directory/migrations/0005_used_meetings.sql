-- Tables of their own: a column more in `meeting` would change what former versions of the
-- program get, which may still run beside this one.

-- When people were in an instant meeting last, to a day. Not a change of the meeting.
CREATE TABLE meeting_used (
    meeting BIGINT PRIMARY KEY,
    at BIGINT NOT NULL
);
CREATE INDEX meeting_used_at ON meeting_used (at);

-- One row: since when that is noted without a gap, and when that was last so.
CREATE TABLE meeting_watch (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    since BIGINT NOT NULL,
    latest BIGINT NOT NULL
);
