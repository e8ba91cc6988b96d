-- Texts compare as bytes, as they do in SQLite and in memory.

-- Who decides: the leader's term, the nonce that it drew, how long others wait for it, and a count of
-- commits. Every commit begins with an UPDATE of this row that expects all of them.
CREATE TABLE desk (
    one bigint PRIMARY KEY CHECK (one = 1),
    schema bigint NOT NULL,
    term bigint NOT NULL,
    leader text COLLATE "C",
    lease_ms bigint NOT NULL,
    rev bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE log (
    one bigint PRIMARY KEY DEFAULT 1 CHECK (one = 1),
    head bigint NOT NULL,
    floor bigint NOT NULL,
    stamp_at bigint NOT NULL,
    stamp_count bigint NOT NULL,
    tallies text COLLATE "C" NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE service (
    one bigint PRIMARY KEY DEFAULT 1 CHECK (one = 1),
    available bigint NOT NULL,
    since bigint
);

CREATE TABLE tickets (
    id text COLLATE "C" PRIMARY KEY,
    message text COLLATE "C" NOT NULL,
    opened_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    closed_at bigint,
    version bigint NOT NULL
);
CREATE INDEX tickets_open ON tickets (id) WHERE closed_at IS NULL;

CREATE TABLE events (
    seq bigint PRIMARY KEY,
    id text COLLATE "C" NOT NULL,
    event text COLLATE "C" NOT NULL,
    created bigint NOT NULL,
    topic text COLLATE "C",
    version bigint,
    only_for text COLLATE "C",
    body text COLLATE "C" NOT NULL
);
CREATE INDEX events_topic ON events (topic, seq) WHERE topic IS NOT NULL;

CREATE TABLE webhooks (
    id text COLLATE "C" PRIMARY KEY,
    partner text COLLATE "C",
    callback_url text COLLATE "C" NOT NULL,
    secrets text COLLATE "C" NOT NULL,
    events text COLLATE "C" NOT NULL,
    ordering text COLLATE "C" NOT NULL,
    description text COLLATE "C",
    headers text COLLATE "C" NOT NULL,
    partner_headers bigint NOT NULL,
    retry_schedule text COLLATE "C" NOT NULL,
    timeout_ms bigint NOT NULL,
    max_in_flight bigint NOT NULL,
    rate_limit bigint,
    paused bigint NOT NULL,
    disabled_for text COLLATE "C",
    disabled_at bigint,
    created_at bigint NOT NULL,
    rev bigint NOT NULL
);
CREATE INDEX webhooks_by_partner ON webhooks (partner, id) WHERE partner IS NOT NULL;

-- Rows that change with each delivery: half of a page is free, so that a new version stays beside the
-- old one and no index is touched.
CREATE TABLE readers (
    webhook text COLLATE "C" PRIMARY KEY,
    read_to bigint NOT NULL,
    tallies text COLLATE "C" NOT NULL,
    aimed bigint NOT NULL,
    ordering text COLLATE "C" NOT NULL,
    sending text COLLATE "C" NOT NULL,
    holder text COLLATE "C",
    "window" bigint NOT NULL,
    steep_to bigint NOT NULL,
    answers bigint NOT NULL,
    trouble bigint NOT NULL,
    failed bigint NOT NULL,
    failing_subjects text COLLATE "C" NOT NULL,
    failing_since bigint,
    failed_at bigint,
    probes bigint,
    next_probe bigint,
    not_before bigint NOT NULL,
    rate_from_us bigint NOT NULL,
    pending bigint NOT NULL,
    waiting bigint NOT NULL,
    replay text COLLATE "C" NOT NULL,
    owed text COLLATE "C" NOT NULL,
    expired text COLLATE "C",
    rev bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE lanes (
    webhook text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    head bigint NOT NULL,
    number bigint NOT NULL,
    step bigint NOT NULL,
    due bigint NOT NULL,
    behind bigint,
    why text COLLATE "C" NOT NULL,
    PRIMARY KEY (subject, webhook)
);
CREATE INDEX lanes_turn ON lanes (webhook, due, head);
CREATE INDEX lanes_head ON lanes (head);

CREATE TABLE attempts (
    seq bigint NOT NULL,
    webhook text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    at bigint NOT NULL,
    duration_ms bigint,
    status bigint,
    failure text COLLATE "C",
    excerpt text COLLATE "C",
    reason text COLLATE "C" NOT NULL,
    next_attempt_at bigint,
    PRIMARY KEY (seq, webhook, number)
);

CREATE TABLE keys (
    key text COLLATE "C" PRIMARY KEY,
    request text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    status bigint NOT NULL,
    location text COLLATE "C",
    body text COLLATE "C" NOT NULL,
    webhook text COLLATE "C",
    secret text COLLATE "C"
);
CREATE INDEX keys_at ON keys (at);

CREATE TABLE api_keys (
    id text COLLATE "C" PRIMARY KEY,
    kind text COLLATE "C" NOT NULL,
    parent text COLLATE "C",
    digest text COLLATE "C" NOT NULL UNIQUE,
    prefix text COLLATE "C" NOT NULL,
    name text COLLATE "C",
    scopes text COLLATE "C" NOT NULL,
    partner text COLLATE "C",
    events text COLLATE "C",
    rate_limit bigint,
    expires_at bigint,
    created_at bigint NOT NULL,
    last_used_at bigint,
    rev bigint NOT NULL
);

CREATE TABLE audit (
    id text COLLATE "C" PRIMARY KEY,
    at bigint NOT NULL,
    caller text COLLATE "C" NOT NULL,
    caller_key text COLLATE "C",
    caller_name text COLLATE "C",
    caller_uid bigint,
    peer text COLLATE "C",
    request text COLLATE "C",
    action text COLLATE "C" NOT NULL,
    webhook text COLLATE "C",
    key text COLLATE "C",
    partner text COLLATE "C",
    event text COLLATE "C",
    before text COLLATE "C",
    after text COLLATE "C"
);
CREATE INDEX audit_by_webhook ON audit (webhook, id) WHERE webhook IS NOT NULL;
CREATE INDEX audit_by_caller_key ON audit (caller_key, id) WHERE caller_key IS NOT NULL;

-- Fails the transaction in which a write did not change the rows that it had to.
CREATE FUNCTION hookdesk_expect_rows(of_table text, expected bigint, changed bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF expected <> changed THEN
        RAISE EXCEPTION '% of % rows of % were as expected', changed, expected, of_table
            USING ERRCODE = 'HD001';
    END IF;
END
$$;

INSERT INTO desk (one, schema, term, leader, lease_ms, rev) VALUES (1, 1, 0, NULL, 0, 0);
INSERT INTO log (head, floor, stamp_at, stamp_count, tallies) VALUES (0, 0, 0, 0, '[]');
INSERT INTO service (available, since) VALUES (1, NULL);
