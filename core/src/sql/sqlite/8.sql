-- Sessions of browsers, and links that begin them, are API keys of other kinds.
ALTER TABLE api_keys ADD COLUMN kind TEXT NOT NULL DEFAULT 'bearer';
ALTER TABLE api_keys ADD COLUMN parent TEXT;

-- The audit says where calls came from.
ALTER TABLE audit ADD COLUMN peer TEXT;
ALTER TABLE audit ADD COLUMN request TEXT;
