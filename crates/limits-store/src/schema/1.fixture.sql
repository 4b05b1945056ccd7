PRAGMA foreign_keys=OFF;
CREATE TABLE run (
    one         INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    number      INTEGER NOT NULL,
    alive_until INTEGER NOT NULL CHECK (alive_until >= 0),
    forgotten   INTEGER NOT NULL CHECK (forgotten >= 0),
    stopped     INTEGER CHECK (stopped >= 0)
) STRICT;
INSERT INTO run VALUES(1,3,1795435203000000,1795435190000000,1795435200000000);
CREATE TABLE limits (
    id   INTEGER NOT NULL PRIMARY KEY,
    name TEXT    NOT NULL UNIQUE
) STRICT;
INSERT INTO limits VALUES(1,'account');
INSERT INTO limits VALUES(2,'plan/standard/quota');
CREATE TABLE eras (
    limit_id INTEGER NOT NULL REFERENCES limits (id),
    nth      INTEGER NOT NULL,
    rate     INTEGER NOT NULL,
    burst    INTEGER NOT NULL,
    since    INTEGER NOT NULL CHECK (since >= 0),
    fresh    INTEGER NOT NULL,
    PRIMARY KEY (limit_id, nth)
) STRICT, WITHOUT ROWID;
INSERT INTO eras VALUES(1,0,5000,10,1795000000000000,10000000000);
INSERT INTO eras VALUES(1,1,1000,20,1795400000000000,10000000000);
CREATE TABLE quotas (
    limit_id INTEGER NOT NULL PRIMARY KEY REFERENCES limits (id),
    requests INTEGER NOT NULL,
    period   TEXT    NOT NULL CHECK (period IN ('day', 'week', 'month')),
    shift    INTEGER NOT NULL,
    opening  INTEGER NOT NULL,
    ceiling  INTEGER NOT NULL
) STRICT;
INSERT INTO quotas VALUES(2,100,'day',0,10,100);
CREATE TABLE presumptions (
    limit_id INTEGER NOT NULL REFERENCES limits (id),
    run      INTEGER NOT NULL,
    until    INTEGER NOT NULL CHECK (until >= 0),
    amount   INTEGER NOT NULL,
    ceiling  INTEGER NOT NULL,
    PRIMARY KEY (limit_id, run)
) STRICT, WITHOUT ROWID;
INSERT INTO presumptions VALUES(2,1,1795420000000000,10,100);
CREATE TABLE levels (
    limit_id INTEGER NOT NULL REFERENCES limits (id),
    subject  INTEGER NOT NULL,
    level    INTEGER NOT NULL,
    last     INTEGER NOT NULL CHECK (last >= 0),
    PRIMARY KEY (limit_id, subject)
) STRICT, WITHOUT ROWID;
INSERT INTO levels VALUES(1,-1,1500000000,1795435200000000);
CREATE TABLE reservations (
    limit_id INTEGER NOT NULL REFERENCES limits (id),
    subject  INTEGER NOT NULL,
    starts   INTEGER NOT NULL CHECK (starts >= 0),
    reserved INTEGER NOT NULL,
    run      INTEGER NOT NULL,
    PRIMARY KEY (limit_id, subject)
) STRICT, WITHOUT ROWID;
INSERT INTO reservations VALUES(2,7,1795392000000000,60,3);
CREATE TABLE extras (
    limit_id INTEGER NOT NULL REFERENCES limits (id),
    subject  INTEGER NOT NULL,
    starts   INTEGER NOT NULL CHECK (starts >= 0),
    requests INTEGER NOT NULL,
    PRIMARY KEY (limit_id, subject)
) STRICT, WITHOUT ROWID;
INSERT INTO extras VALUES(2,7,1795392000000000,5);
CREATE TABLE usage (
    day       INTEGER NOT NULL,
    limit_id  INTEGER NOT NULL REFERENCES limits (id),
    subject   INTEGER NOT NULL,
    used      INTEGER NOT NULL,
    remaining INTEGER NOT NULL,
    PRIMARY KEY (day, limit_id, subject)
) STRICT, WITHOUT ROWID;
INSERT INTO usage VALUES(20779,2,7,9,91);
INSERT INTO usage VALUES(20780,2,7,60,45);
