-- When people were in an instant meeting last, as far as was noted. Not a change of the meeting.
ALTER TABLE meeting ADD COLUMN used BIGINT;
DROP INDEX meeting_instant;
CREATE INDEX meeting_idle ON meeting (used) WHERE kind = 'instant';
