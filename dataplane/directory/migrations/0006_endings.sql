-- Meetings that were ended or deleted, for as long as somebody may still come to them who was let
-- in before: zones are told. Not a change of the meeting; a replica makes its own of what it hears.
CREATE TABLE ending (
    meeting BIGINT PRIMARY KEY,
    at BIGINT NOT NULL
);
CREATE INDEX ending_at ON ending (at);
INSERT INTO ending (meeting, at) SELECT number, ended FROM meeting WHERE ended IS NOT NULL;
