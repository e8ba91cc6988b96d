-- Partners: whose webhooks and API keys are whose.
ALTER TABLE webhooks ADD COLUMN partner TEXT;
ALTER TABLE webhooks ADD COLUMN partner_headers INTEGER NOT NULL DEFAULT 0;
CREATE INDEX webhooks_by_partner ON webhooks (partner, id) WHERE partner IS NOT NULL;
ALTER TABLE api_keys ADD COLUMN partner TEXT;
ALTER TABLE api_keys ADD COLUMN events TEXT;
ALTER TABLE api_keys ADD COLUMN rate_limit INTEGER;
