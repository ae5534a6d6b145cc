-- What one worker of one arm served in one minute. Values are absolute: writing a row again replaces it, so nothing counts twice.
CREATE TABLE windows (
    starts_at timestamptz NOT NULL,
    arm text NOT NULL CHECK (arm IN ('even', 'odd')),
    -- Drawn by each process at its start.
    worker uuid NOT NULL,
    -- The rule and length of minute it was counted under: windows of different ones are never compared.
    schedule text NOT NULL CHECK (schedule IN ('parity', 'mirrored')),
    minute_ms integer NOT NULL CHECK (minute_ms > 0),
    -- Whether the worker wrote it after the minute's end or while draining; false for good: the worker was lost with its last seconds.
    closed boolean NOT NULL,
    calls bigint NOT NULL CHECK (calls >= 0),
    client_errors bigint NOT NULL CHECK (client_errors >= 0),
    server_errors bigint NOT NULL CHECK (server_errors >= 0),
    -- Calls by class, 1xx to 5xx.
    status_classes bigint[] NOT NULL CHECK (cardinality(status_classes) = 5),
    request_bytes bigint NOT NULL,
    response_bytes bigint NOT NULL,
    cold_starts bigint NOT NULL,
    probes bigint NOT NULL,
    unrouted bigint NOT NULL,
    latency_sum_us bigint NOT NULL,
    -- Sums and histograms by part of the minute: the encoding of domain::window::Slices, whose first byte is its version.
    slices bytea NOT NULL,
    -- Calls by route and class.
    routes jsonb NOT NULL,
    written_at timestamptz NOT NULL,
    PRIMARY KEY (starts_at, arm, worker)
);
-- Histograms do not compress, and a row fits a page.
ALTER TABLE windows ALTER COLUMN slices SET STORAGE MAIN;

-- What the routers decided: one row for each minute, arm, reason and router process, absolute as above.
CREATE TABLE decisions (
    starts_at timestamptz NOT NULL,
    arm text NOT NULL CHECK (arm IN ('even', 'odd')),
    reason text NOT NULL CHECK (reason IN ('schedule', 'failover', 'unavailable')),
    worker uuid NOT NULL,
    schedule text NOT NULL CHECK (schedule IN ('parity', 'mirrored')),
    minute_ms integer NOT NULL CHECK (minute_ms > 0),
    calls bigint NOT NULL CHECK (calls >= 0),
    written_at timestamptz NOT NULL,
    PRIMARY KEY (starts_at, worker, arm, reason)
);

-- What supervision saw from outside, call by call; there are a few a minute.
CREATE TABLE probes (
    id uuid PRIMARY KEY,
    sent_at timestamptz NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('conformant', 'failed_over', 'wrong_arm', 'unanswered')),
    -- The arm that answered.
    arm text CHECK (arm IN ('even', 'odd')),
    redirect_us bigint CHECK (redirect_us >= 0),
    answer_us bigint CHECK (answer_us >= 0),
    detail text
);
CREATE INDEX probes_sent ON probes (sent_at);

-- Unit prices fetched from the provider; the embedded snapshot stands in for those that are not here.
CREATE TABLE prices (
    meter text NOT NULL,
    region text NOT NULL,
    amount numeric NOT NULL CHECK (amount >= 0),
    currency text NOT NULL,
    as_of date NOT NULL,
    source text NOT NULL,
    PRIMARY KEY (meter, region)
);
