-- Where neither arm is well the router keeps the schedule, and says so.
ALTER TABLE decisions DROP CONSTRAINT decisions_reason_check;
ALTER TABLE decisions ADD CONSTRAINT decisions_reason_check CHECK (reason IN ('schedule', 'failover', 'unsure', 'unavailable'));
