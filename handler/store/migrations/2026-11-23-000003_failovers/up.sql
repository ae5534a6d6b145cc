-- A report must know the minutes with a failover before it reads the windows; they are few among many.
CREATE INDEX decisions_off_schedule ON decisions (starts_at) WHERE reason <> 'schedule';
