-- The order of each pair of minutes may be drawn.
ALTER TABLE windows DROP CONSTRAINT windows_schedule_check,
    ADD CONSTRAINT windows_schedule_check CHECK (schedule IN ('parity', 'mirrored', 'random'));
ALTER TABLE decisions DROP CONSTRAINT decisions_schedule_check,
    ADD CONSTRAINT decisions_schedule_check CHECK (schedule IN ('parity', 'mirrored', 'random'));
ALTER TABLE window_days DROP CONSTRAINT window_days_schedule_check,
    ADD CONSTRAINT window_days_schedule_check CHECK (schedule IN ('parity', 'mirrored', 'random'));
ALTER TABLE decision_days DROP CONSTRAINT decision_days_schedule_check,
    ADD CONSTRAINT decision_days_schedule_check CHECK (schedule IN ('parity', 'mirrored', 'random'));
