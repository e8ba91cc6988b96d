-- Secrets that rotate.
ALTER TABLE webhooks ADD COLUMN secrets TEXT NOT NULL DEFAULT '[]';
UPDATE webhooks SET secrets = json_array(json_object(
    'id', 'sec_' || substr(id, 5),
    'secret', secret,
    'created_at', created_at,
    'ends_at', NULL
));
ALTER TABLE webhooks DROP COLUMN secret;

-- Answers that are given again.
CREATE TABLE keys (
    key TEXT PRIMARY KEY,
    request TEXT NOT NULL,
    at INTEGER NOT NULL,
    status INTEGER NOT NULL,
    location TEXT,
    body TEXT NOT NULL,
    webhook TEXT,
    secret TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX keys_at ON keys (at);

-- Replays, what retention took, and what each webhook is owed.
ALTER TABLE readers ADD COLUMN replay TEXT NOT NULL DEFAULT '{}';
ALTER TABLE readers ADD COLUMN owed TEXT NOT NULL DEFAULT '{}';
ALTER TABLE readers ADD COLUMN expired TEXT;
UPDATE readers SET owed = json_object('after', (SELECT id FROM events WHERE seq = read_to));
CREATE INDEX lanes_head ON lanes (head);
