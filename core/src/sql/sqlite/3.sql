-- Secrets that rotate.

-- Answers that are given again.

-- Replays, what retention took, and what each webhook is owed.
ALTER TABLE readers ADD COLUMN replay TEXT NOT NULL DEFAULT '{}';
ALTER TABLE readers ADD COLUMN owed TEXT NOT NULL DEFAULT '{}';
ALTER TABLE readers ADD COLUMN expired TEXT;
UPDATE readers SET owed = json_object('after', (SELECT id FROM events WHERE seq = read_to));
CREATE INDEX lanes_head ON lanes (head);
