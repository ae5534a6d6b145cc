-- What runs follow from. Nothing here is ever changed: a run's margins and horizon are those it was declared with.

-- What a part of the system serves with: one row for each change of it.
CREATE TABLE set_ups (
    id uuid PRIMARY KEY,
    part text NOT NULL CHECK (part IN ('router', 'even', 'odd')),
    since timestamptz NOT NULL,
    set_up jsonb NOT NULL,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX set_ups_latest ON set_ups (part, since DESC, id DESC);

CREATE TABLE declared_runs (
    id uuid PRIMARY KEY,
    -- The observed run that follows at the horizon.
    follower uuid NOT NULL UNIQUE,
    name text NOT NULL UNIQUE,
    declared_at timestamptz NOT NULL,
    lasts_ms bigint NOT NULL CHECK (lasts_ms > 0),
    margins jsonb NOT NULL
);

CREATE TABLE run_ends (
    run uuid PRIMARY KEY,
    -- The observed run that follows.
    follower uuid NOT NULL UNIQUE,
    ended_at timestamptz NOT NULL
);

-- Minutes left out of every comparison.
CREATE TABLE run_exclusions (
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL CHECK (ends_at > starts_at),
    reason text NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (starts_at, ends_at, reason)
);

-- Seeds of random schedules, shown once nothing is drawn from them any more.
CREATE TABLE shown_seeds (
    sha256 text PRIMARY KEY,
    seed text NOT NULL,
    shown_at timestamptz NOT NULL
);
