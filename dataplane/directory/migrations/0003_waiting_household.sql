-- From which household somebody waits, so that none keeps a room full. It goes with them.
CREATE TABLE waiting_household (
    waiting TEXT PRIMARY KEY REFERENCES waiting (id) ON DELETE CASCADE,
    household TEXT NOT NULL
);
