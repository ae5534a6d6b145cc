-- Calls whose caller left before the answer (499), and calls that took too long to arrive (408); both are among the client errors.
ALTER TABLE windows
    ADD COLUMN callers_left bigint NOT NULL DEFAULT 0 CHECK (callers_left >= 0),
    ADD COLUMN timed_out bigint NOT NULL DEFAULT 0 CHECK (timed_out >= 0);
