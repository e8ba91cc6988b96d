-- Lanes by ordering key: a new event asks which webhooks have one, of all of them at once.
ALTER TABLE lanes RENAME TO lanes_by_webhook;
CREATE TABLE lanes (
    webhook TEXT NOT NULL,
    subject TEXT NOT NULL,
    head INTEGER NOT NULL,
    number INTEGER NOT NULL,
    step INTEGER NOT NULL,
    due INTEGER NOT NULL,
    behind INTEGER,
    why TEXT NOT NULL,
    PRIMARY KEY (subject, webhook)
) STRICT, WITHOUT ROWID;
INSERT INTO lanes (webhook, subject, head, number, step, due, behind, why)
    SELECT webhook, subject, head, number, step, due, behind, why
    FROM lanes_by_webhook ORDER BY subject, webhook;
DROP TABLE lanes_by_webhook;
CREATE INDEX lanes_turn ON lanes (webhook, due, head);
CREATE INDEX lanes_head ON lanes (head);
