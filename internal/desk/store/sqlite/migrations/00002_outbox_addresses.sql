-- +goose Up

-- Who a message is for: its webhook or notifier, and the address there; empty for a webhook, which has none.
ALTER TABLE outbox ADD COLUMN destination TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN address TEXT NOT NULL DEFAULT '';
UPDATE outbox SET destination = coalesce(CAST(doc AS TEXT) ->> '$.destination', '');
CREATE INDEX outbox_address ON outbox (destination, dead, address, next_at);
