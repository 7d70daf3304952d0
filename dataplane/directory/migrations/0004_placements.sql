-- Where a meeting begins, until its zone says that it runs there. Not a change of the meeting.
CREATE TABLE placement (
    meeting BIGINT PRIMARY KEY,
    zone TEXT NOT NULL,
    expires BIGINT NOT NULL
);
CREATE INDEX placement_expires ON placement (expires);
