-- Time that Flex Consumption would have metered for a window's calls; null where it was written by a version that did not meter.
ALTER TABLE windows ADD COLUMN metered_ms bigint CHECK (metered_ms >= 0);
-- The day's sum of what is known.
ALTER TABLE window_days ADD COLUMN metered_ms bigint;
