-- +goose Up

-- Who was on call, as it was: written at hand-offs, never changed but in its end while the shift goes on. Instants are those
-- of the document.
CREATE TABLE oncall_shifts (
    rotation TEXT    NOT NULL,
    start_at INTEGER NOT NULL,
    layer    TEXT    NOT NULL,
    agent    TEXT    NOT NULL,
    override TEXT    NOT NULL,
    end_at   INTEGER NOT NULL,
    doc      BLOB    NOT NULL,
    PRIMARY KEY (rotation, start_at, layer, agent, override)
) WITHOUT ROWID;
