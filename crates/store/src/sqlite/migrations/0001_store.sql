-- The chains that anything here is about.
CREATE TABLE chains (
    chain INTEGER PRIMARY KEY,
    genesis TEXT NOT NULL UNIQUE
) STRICT;

-- The event log. Sequences only ever rise, also when events are deleted; not every sequence is an event's.
CREATE TABLE events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    chain INTEGER NOT NULL REFERENCES chains,
    id TEXT NOT NULL,
    topic TEXT NOT NULL,
    -- Milliseconds since 1970.
    at INTEGER NOT NULL,
    slot INTEGER,
    -- The transaction that has to be looked at again once its slot is final.
    unsettled TEXT,
    json TEXT NOT NULL,
    UNIQUE (id, chain)
) STRICT;
CREATE INDEX unsettled_events ON events (chain, slot) WHERE unsettled IS NOT NULL;
CREATE INDEX status_events ON events (sequence) WHERE topic = 'workers:status';

-- What an event is about, beside its id: signatures, mints, accounts, other events.
CREATE TABLE subjects (
    subject TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (subject, sequence)
) STRICT, WITHOUT ROWID;

-- How far each worker has come with each of its interests.
CREATE TABLE interests (
    interest INTEGER PRIMARY KEY,
    chain INTEGER NOT NULL REFERENCES chains,
    worker TEXT NOT NULL,
    name TEXT NOT NULL,
    begins_after INTEGER NOT NULL,
    reached_to INTEGER NOT NULL,
    UNIQUE (chain, worker, name)
) STRICT;

-- How the content of the slots from `begins_after` + 1 to `reached_to` became known.
CREATE TABLE spans (
    interest INTEGER NOT NULL REFERENCES interests,
    from_slot INTEGER NOT NULL,
    to_slot INTEGER NOT NULL,
    how TEXT NOT NULL,
    reason TEXT,
    since INTEGER NOT NULL,
    PRIMARY KEY (interest, from_slot)
) STRICT, WITHOUT ROWID;
CREATE INDEX holes ON spans (interest, from_slot) WHERE how = 'unproven';

-- Up to where each consumer has finished with the event log.
CREATE TABLE cursors (
    consumer TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    -- When it was last moved, or its consumer last began to read.
    seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Candidates that became no event, and why.
CREATE TABLE refusals (
    refusal INTEGER PRIMARY KEY,
    chain INTEGER NOT NULL REFERENCES chains,
    worker TEXT NOT NULL,
    subject TEXT NOT NULL,
    -- What on the chain the subject names: the longest part of the id.
    about TEXT NOT NULL,
    rule TEXT NOT NULL,
    seen TEXT NOT NULL,
    bound TEXT NOT NULL,
    slot INTEGER,
    at INTEGER NOT NULL
) STRICT;
-- The same judgement of the same fact, made again after a restart, is one row.
CREATE UNIQUE INDEX judgements ON refusals (subject, worker, rule, coalesce(slot, -1), chain);
CREATE INDEX refusals_about ON refusals (about);

-- The last status of each worker.
CREATE TABLE statuses (
    chain INTEGER NOT NULL REFERENCES chains,
    worker TEXT NOT NULL,
    at INTEGER NOT NULL,
    json TEXT NOT NULL,
    PRIMARY KEY (chain, worker)
) STRICT, WITHOUT ROWID;

-- How many rows there are, so that nobody has to count: one per topic, and `refusals`.
CREATE TABLE counts (
    what TEXT PRIMARY KEY,
    number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The number of the last batch committed: tells a batch whose outcome nobody heard from one that failed.
CREATE TABLE batches (
    last INTEGER NOT NULL
) STRICT;
INSERT INTO batches VALUES (0);
