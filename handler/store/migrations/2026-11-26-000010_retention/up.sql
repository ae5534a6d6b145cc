-- What is left of windows, decisions and probes once they are older than their retention: the sums of each UTC day.
CREATE TABLE window_days (
    day date NOT NULL,
    arm text NOT NULL CHECK (arm IN ('even', 'odd')),
    schedule text NOT NULL CHECK (schedule IN ('parity', 'mirrored')),
    minute_ms integer NOT NULL CHECK (minute_ms > 0),
    windows bigint NOT NULL,
    unclosed bigint NOT NULL,
    calls bigint NOT NULL,
    client_errors bigint NOT NULL,
    server_errors bigint NOT NULL,
    request_bytes bigint NOT NULL,
    response_bytes bigint NOT NULL,
    cold_starts bigint NOT NULL,
    probes bigint NOT NULL,
    unrouted bigint NOT NULL,
    latency_sum_us bigint NOT NULL,
    PRIMARY KEY (day, arm, schedule, minute_ms)
);

CREATE TABLE decision_days (
    day date NOT NULL,
    arm text NOT NULL CHECK (arm IN ('even', 'odd')),
    reason text NOT NULL,
    schedule text NOT NULL CHECK (schedule IN ('parity', 'mirrored')),
    minute_ms integer NOT NULL CHECK (minute_ms > 0),
    calls bigint NOT NULL,
    PRIMARY KEY (day, arm, reason, schedule, minute_ms)
);

CREATE TABLE probe_days (
    day date NOT NULL,
    outcome text NOT NULL,
    -- The arm that answered; none where nobody did.
    arm text NOT NULL CHECK (arm IN ('even', 'odd', 'none')),
    probes bigint NOT NULL,
    PRIMARY KEY (day, outcome, arm)
);
