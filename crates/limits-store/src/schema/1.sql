-- Moments are microseconds since 1970, days are days since then. Counts and subjects are 64 bits without a sign, kept as
-- SQLite's 64 bits with one.

-- The run of the program that is under way, or the last one. `stopped` is null until it has ended cleanly.
CREATE TABLE run (
    one         INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    number      INTEGER NOT NULL,
    alive_until INTEGER NOT NULL CHECK (alive_until >= 0),
    forgotten   INTEGER NOT NULL CHECK (forgotten >= 0),
    stopped     INTEGER CHECK (stopped >= 0)
) STRICT;
INSERT INTO run VALUES (1, 0, 0, 0, 0);

CREATE TABLE limits (
    id   INTEGER NOT NULL PRIMARY KEY,
    name TEXT    NOT NULL UNIQUE
) STRICT;

-- The numbers that a bucket has had; the last are in force.
CREATE TABLE eras (
    limit_id INTEGER NOT NULL REFERENCES limits (id),
    nth      INTEGER NOT NULL,
    rate     INTEGER NOT NULL,
    burst    INTEGER NOT NULL,
    since    INTEGER NOT NULL CHECK (since >= 0),
    fresh    INTEGER NOT NULL,
    PRIMARY KEY (limit_id, nth)
) STRICT, WITHOUT ROWID;

-- `opening` is what a subject without a reservation may have used in this run, `ceiling` the largest limit of it.
CREATE TABLE quotas (
    limit_id INTEGER NOT NULL PRIMARY KEY REFERENCES limits (id),
    requests INTEGER NOT NULL,
    period   TEXT    NOT NULL CHECK (period IN ('day', 'week', 'month')),
    shift    INTEGER NOT NULL,
    opening  INTEGER NOT NULL,
    ceiling  INTEGER NOT NULL
) STRICT;

-- The openings of runs that ended uncleanly: who has no reservation of that run or a later one counts as having used
-- them, and not more than `ceiling` in all.
CREATE TABLE presumptions (
    limit_id INTEGER NOT NULL REFERENCES limits (id),
    run      INTEGER NOT NULL,
    until    INTEGER NOT NULL CHECK (until >= 0),
    amount   INTEGER NOT NULL,
    ceiling  INTEGER NOT NULL,
    PRIMARY KEY (limit_id, run)
) STRICT, WITHOUT ROWID;

-- Only between a clean stop and the next start.
CREATE TABLE levels (
    limit_id INTEGER NOT NULL REFERENCES limits (id),
    subject  INTEGER NOT NULL,
    level    INTEGER NOT NULL,
    last     INTEGER NOT NULL CHECK (last >= 0),
    PRIMARY KEY (limit_id, subject)
) STRICT, WITHOUT ROWID;

-- How much of a quota a subject may use at most before it is written again; after a clean stop, what it has used.
CREATE TABLE reservations (
    limit_id INTEGER NOT NULL REFERENCES limits (id),
    subject  INTEGER NOT NULL,
    starts   INTEGER NOT NULL CHECK (starts >= 0),
    reserved INTEGER NOT NULL,
    run      INTEGER NOT NULL,
    PRIMARY KEY (limit_id, subject)
) STRICT, WITHOUT ROWID;

-- What a subject may use on top of a quota, in the window that begins with `starts`.
CREATE TABLE extras (
    limit_id INTEGER NOT NULL REFERENCES limits (id),
    subject  INTEGER NOT NULL,
    starts   INTEGER NOT NULL CHECK (starts >= 0),
    requests INTEGER NOT NULL,
    PRIMARY KEY (limit_id, subject)
) STRICT, WITHOUT ROWID;

-- What was used of a quota on each day, and what was left after it. By day first: what is written together lies together.
CREATE TABLE usage (
    day       INTEGER NOT NULL,
    limit_id  INTEGER NOT NULL REFERENCES limits (id),
    subject   INTEGER NOT NULL,
    used      INTEGER NOT NULL,
    remaining INTEGER NOT NULL,
    PRIMARY KEY (day, limit_id, subject)
) STRICT, WITHOUT ROWID;
