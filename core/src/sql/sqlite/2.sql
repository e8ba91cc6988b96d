-- Settings.
ALTER TABLE webhooks ADD COLUMN events TEXT NOT NULL DEFAULT '["ping","ticket_opened","ticket_updated","ticket_closed","service_unavailable","service_available"]';
ALTER TABLE webhooks ADD COLUMN description TEXT;
ALTER TABLE webhooks ADD COLUMN headers TEXT NOT NULL DEFAULT '[]';
ALTER TABLE webhooks ADD COLUMN rate_limit INTEGER;
ALTER TABLE webhooks ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;

-- Events for one webhook, and how many there were of each type.
ALTER TABLE events ADD COLUMN only_for TEXT;
ALTER TABLE log ADD COLUMN tallies TEXT NOT NULL DEFAULT '[]';
UPDATE log SET tallies = (
    SELECT json_array(
        count(*) FILTER (WHERE event = 'ping'),
        count(*) FILTER (WHERE event = 'ticket_opened'),
        count(*) FILTER (WHERE event = 'ticket_updated'),
        count(*) FILTER (WHERE event = 'ticket_closed'),
        count(*) FILTER (WHERE event = 'service_unavailable'),
        count(*) FILTER (WHERE event = 'service_available')
    ) FROM events
);

-- What readers keep: tallies, pace, health, and the pause that a receiver asked for.
ALTER TABLE readers ADD COLUMN tallies TEXT NOT NULL DEFAULT '[]';
ALTER TABLE readers ADD COLUMN aimed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE readers ADD COLUMN ordering TEXT NOT NULL DEFAULT 'ticket';
ALTER TABLE readers ADD COLUMN window INTEGER NOT NULL DEFAULT 64;
ALTER TABLE readers ADD COLUMN steep_to INTEGER NOT NULL DEFAULT 64;
ALTER TABLE readers ADD COLUMN answers INTEGER NOT NULL DEFAULT 0;
ALTER TABLE readers ADD COLUMN trouble INTEGER NOT NULL DEFAULT 0;
ALTER TABLE readers ADD COLUMN failed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE readers ADD COLUMN failing_subjects TEXT NOT NULL DEFAULT '[]';
ALTER TABLE readers ADD COLUMN failing_since INTEGER;
ALTER TABLE readers ADD COLUMN probes INTEGER;
ALTER TABLE readers ADD COLUMN next_probe INTEGER;
ALTER TABLE readers ADD COLUMN not_before INTEGER NOT NULL DEFAULT 0;
ALTER TABLE readers ADD COLUMN rate_from_us INTEGER NOT NULL DEFAULT 0;
UPDATE readers SET
    tallies = (
    SELECT json_array(
        count(*) FILTER (WHERE event = 'ping'),
        count(*) FILTER (WHERE event = 'ticket_opened'),
        count(*) FILTER (WHERE event = 'ticket_updated'),
        count(*) FILTER (WHERE event = 'ticket_closed'),
        count(*) FILTER (WHERE event = 'service_unavailable'),
        count(*) FILTER (WHERE event = 'service_available')
    ) FROM events WHERE seq <= read_to
    ),
    ordering = (SELECT ordering FROM webhooks WHERE id = webhook),
    window = (SELECT max_in_flight FROM webhooks WHERE id = webhook),
    steep_to = (SELECT max_in_flight FROM webhooks WHERE id = webhook);
