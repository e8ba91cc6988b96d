-- When a webhook's last failure counted against its receiver.
ALTER TABLE readers ADD COLUMN failed_at INTEGER;
