UPDATE decisions SET reason = 'schedule' WHERE reason = 'unsure';
ALTER TABLE decisions DROP CONSTRAINT decisions_reason_check;
ALTER TABLE decisions ADD CONSTRAINT decisions_reason_check CHECK (reason IN ('schedule', 'failover', 'unavailable'));
