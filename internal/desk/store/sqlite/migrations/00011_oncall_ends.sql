-- +goose Up

-- Finds the shifts that were under way when the record of them was last written.
CREATE INDEX oncall_shifts_end ON oncall_shifts (rotation, end_at);
