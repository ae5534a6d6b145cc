ALTER TABLE windows DROP COLUMN callers_left, DROP COLUMN timed_out;
