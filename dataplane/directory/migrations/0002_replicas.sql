-- What tokens of replicas are verified with: each has keys of its own. `owner` is the
-- replica's account. In a replica: all public keys of the directory and its other replicas.
CREATE TABLE public_key (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    x TEXT NOT NULL,
    revision BIGINT NOT NULL UNIQUE
);
CREATE INDEX public_key_owner ON public_key (owner);

-- Random names of moments. A replica that comes with one that is not here has seen what this
-- database, set back to a backup, no longer knows.
CREATE TABLE feed_mark (
    revision BIGINT PRIMARY KEY,
    mark TEXT NOT NULL UNIQUE
);

-- The last of them that a replica was told, and whether it has had everything once.
ALTER TABLE replica ADD COLUMN mark TEXT NOT NULL DEFAULT '00000000000000000000000000000000';
ALTER TABLE replica ADD COLUMN whole BOOLEAN NOT NULL DEFAULT FALSE;
