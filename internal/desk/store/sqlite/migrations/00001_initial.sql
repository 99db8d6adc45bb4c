-- +goose Up

-- Tells a store of ours from any other SQLite file: "CSLD".
PRAGMA application_id = 1129532484;

-- A ticket is its JSON document; beside it stand the columns that queries select and order by. Instants are integer
-- microseconds since 1970 UTC.
CREATE TABLE tickets (
    id            INTEGER PRIMARY KEY,
    version       INTEGER NOT NULL,
    status        TEXT    NOT NULL,
    queue         TEXT    NOT NULL,
    agent         TEXT,
    customer      TEXT,
    ref_source    TEXT,
    ref_key       TEXT,
    plan_revision INTEGER NOT NULL,
    wake_at       INTEGER,
    -- Class of demand of a ticket that waits to be offered; NULL of any other, also of one set aside.
    class         TEXT,
    priority_rank INTEGER NOT NULL,
    -- Earliest due time that is not met; the largest integer if there is none, so that it sorts last.
    due           INTEGER NOT NULL,
    opened        INTEGER NOT NULL,
    channel       TEXT    NOT NULL,
    language      TEXT    NOT NULL,
    preferred     TEXT,
    round         INTEGER NOT NULL,
    asks          TEXT,
    doc           BLOB    NOT NULL
);
CREATE UNIQUE INDEX tickets_reference ON tickets (ref_source, ref_key) WHERE ref_source IS NOT NULL;
CREATE INDEX tickets_demand ON tickets (class, priority_rank, due, opened) WHERE class IS NOT NULL;
CREATE INDEX tickets_wake ON tickets (wake_at) WHERE wake_at IS NOT NULL;
-- Lists are merges, by id, of one range per status.
CREATE INDEX tickets_status ON tickets (status, id, plan_revision);
CREATE INDEX tickets_queue ON tickets (queue, status);
CREATE INDEX tickets_agent ON tickets (agent, status) WHERE agent IS NOT NULL;
CREATE INDEX tickets_customer ON tickets (customer, status) WHERE customer IS NOT NULL;
-- The oldest of each queue and status.
CREATE INDEX tickets_age ON tickets (queue, status, opened) WHERE status NOT IN ('Closed', 'Cancelled');

-- How many tickets that are not Closed or Cancelled each queue has, by status and, while they wait to be offered, by
-- class. Kept by the transactions that change tickets, so that the overview need not count them.
CREATE TABLE ticket_counts (
    queue  TEXT    NOT NULL,
    status TEXT    NOT NULL,
    class  TEXT    NOT NULL,
    n      INTEGER NOT NULL,
    PRIMARY KEY (queue, status, class)
) WITHOUT ROWID;

CREATE TABLE customers (
    id  TEXT PRIMARY KEY,
    doc BLOB NOT NULL
);

CREATE TABLE agents (
    name    TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    doc     BLOB NOT NULL
);

CREATE TABLE records (
    seq    INTEGER PRIMARY KEY,
    ticket INTEGER,
    doc    BLOB NOT NULL
);
CREATE INDEX records_ticket ON records (ticket) WHERE ticket IS NOT NULL;

CREATE TABLE plans (
    revision INTEGER PRIMARY KEY,
    doc      BLOB NOT NULL
);
CREATE TABLE plan_entries (
    hash TEXT PRIMARY KEY,
    doc  BLOB NOT NULL
);

CREATE TABLE answers (
    caller  TEXT    NOT NULL,
    key     TEXT    NOT NULL,
    request BLOB    NOT NULL,
    status  INTEGER NOT NULL,
    body    BLOB    NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (caller, key)
);
CREATE INDEX answers_at ON answers (at);

CREATE TABLE outbox (
    id      INTEGER PRIMARY KEY,
    next_at INTEGER NOT NULL,
    dead    INTEGER NOT NULL,
    doc     BLOB    NOT NULL
);
CREATE INDEX outbox_due ON outbox (next_at) WHERE dead = 0;
CREATE INDEX outbox_dead ON outbox (id) WHERE dead = 1;

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
);

-- Numbers that are never given twice, although their rows may be gone.
CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
