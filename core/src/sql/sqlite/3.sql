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
