-- The audit: who changed what, with the state before and after it in JSON.
CREATE TABLE audit (
    id TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    caller TEXT NOT NULL,
    caller_key TEXT,
    caller_name TEXT,
    caller_uid INTEGER,
    action TEXT NOT NULL,
    webhook TEXT,
    key TEXT,
    partner TEXT,
    event TEXT,
    before TEXT,
    after TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_by_webhook ON audit (webhook, id) WHERE webhook IS NOT NULL;
CREATE INDEX audit_by_caller_key ON audit (caller_key, id) WHERE caller_key IS NOT NULL;
