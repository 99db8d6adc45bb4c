-- +goose Up

-- The oldest ticket of a queue and status is the one with the smallest id, which tickets_queue finds.
DROP INDEX tickets_age;
