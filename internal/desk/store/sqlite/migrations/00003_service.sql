-- +goose Up

-- AtRisk or Breached, if that is how the ticket stands with its service level.
ALTER TABLE tickets ADD COLUMN standing TEXT;
CREATE INDEX tickets_standing ON tickets (standing, status) WHERE standing IS NOT NULL;
-- The next due time of each queue.
CREATE INDEX tickets_due ON tickets (queue, due) WHERE due < 9223372036854775807;

-- They are counted by standing, too.
CREATE TABLE ticket_counts_by_standing (
    queue    TEXT    NOT NULL,
    status   TEXT    NOT NULL,
    class    TEXT    NOT NULL,
    standing TEXT    NOT NULL,
    n        INTEGER NOT NULL,
    PRIMARY KEY (queue, status, class, standing)
) WITHOUT ROWID;
INSERT INTO ticket_counts_by_standing SELECT queue, status, class, '', n FROM ticket_counts;
DROP TABLE ticket_counts;
ALTER TABLE ticket_counts_by_standing RENAME TO ticket_counts;
