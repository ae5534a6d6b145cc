ALTER TABLE windows DROP COLUMN route_latency_us;
