-- Sum of latencies by route, µs; empty where it was written by a version that did not add them up.
ALTER TABLE windows ADD COLUMN route_latency_us jsonb NOT NULL DEFAULT '{}';
