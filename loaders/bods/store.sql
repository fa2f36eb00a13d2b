-- One row a valid statement (`statement`), one row an interest of a relationship (`interest`).
-- They wait on disk until every party is known, since a relationship may come before its parties.
CREATE TABLE statement (
    row INTEGER PRIMARY KEY,
    series TEXT NOT NULL,
    record_id TEXT NOT NULL,
    stated_at TEXT NOT NULL,
    status INTEGER NOT NULL,
    target TEXT NOT NULL,
    id TEXT,
    kind TEXT,
    contents TEXT
);
CREATE TABLE interest (
    row INTEGER NOT NULL,
    path TEXT NOT NULL,
    subject TEXT,
    party TEXT,
    interest TEXT NOT NULL,
    share TEXT,
    valid_from TEXT,
    valid_to TEXT
);
CREATE TABLE refused (row INTEGER NOT NULL, target TEXT NOT NULL, faults TEXT NOT NULL);
