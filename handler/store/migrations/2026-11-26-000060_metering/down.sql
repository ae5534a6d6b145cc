ALTER TABLE window_days DROP COLUMN metered_ms;
ALTER TABLE windows DROP COLUMN metered_ms;
