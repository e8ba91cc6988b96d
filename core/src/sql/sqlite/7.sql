-- Partners: whose webhooks and API keys are whose.
ALTER TABLE webhooks ADD COLUMN partner TEXT;
ALTER TABLE webhooks ADD COLUMN partner_headers INTEGER NOT NULL DEFAULT 0;
CREATE INDEX webhooks_by_partner ON webhooks (partner, id) WHERE partner IS NOT NULL;
ALTER TABLE api_keys ADD COLUMN partner TEXT;
ALTER TABLE api_keys ADD COLUMN events TEXT;
ALTER TABLE api_keys ADD COLUMN rate_limit INTEGER;

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
