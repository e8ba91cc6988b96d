CREATE TABLE log (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    head INTEGER NOT NULL,
    floor INTEGER NOT NULL,
    stamp_at INTEGER NOT NULL,
    stamp_count INTEGER NOT NULL
) STRICT;
INSERT INTO log VALUES (1, 0, 0, 0, 0);

CREATE TABLE service (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    available INTEGER NOT NULL,
    since INTEGER
) STRICT;
INSERT INTO service VALUES (1, 1, NULL);

CREATE TABLE tickets (
    id TEXT PRIMARY KEY,
    message TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    closed_at INTEGER,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX tickets_open ON tickets (id) WHERE closed_at IS NULL;

CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    event TEXT NOT NULL,
    created INTEGER NOT NULL,
    topic TEXT,
    version INTEGER,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX events_topic ON events (topic, seq) WHERE topic IS NOT NULL;

CREATE TABLE webhooks (
    id TEXT PRIMARY KEY,
    callback_url TEXT NOT NULL,
    secret TEXT NOT NULL,
    ordering TEXT NOT NULL,
    retry_schedule TEXT NOT NULL,
    timeout_ms INTEGER NOT NULL,
    max_in_flight INTEGER NOT NULL,
    disabled_for TEXT,
    disabled_at INTEGER,
    created_at INTEGER NOT NULL,
    rev INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE readers (
    webhook TEXT PRIMARY KEY,
    read_to INTEGER NOT NULL,
    sending TEXT NOT NULL,
    holder TEXT,
    pending INTEGER NOT NULL,
    waiting INTEGER NOT NULL,
    rev INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE lanes (
    webhook TEXT NOT NULL,
    subject TEXT NOT NULL,
    head INTEGER NOT NULL,
    number INTEGER NOT NULL,
    step INTEGER NOT NULL,
    due INTEGER NOT NULL,
    behind INTEGER,
    why TEXT NOT NULL,
    PRIMARY KEY (webhook, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX lanes_turn ON lanes (webhook, due, head);

CREATE TABLE attempts (
    seq INTEGER NOT NULL,
    webhook TEXT NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    duration_ms INTEGER,
    status INTEGER,
    failure TEXT,
    excerpt TEXT,
    reason TEXT NOT NULL,
    next_attempt_at INTEGER,
    PRIMARY KEY (seq, webhook, number)
) STRICT, WITHOUT ROWID;
