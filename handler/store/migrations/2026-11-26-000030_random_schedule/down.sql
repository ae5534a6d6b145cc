-- What was counted under drawn schedules can't be kept.
DELETE FROM windows WHERE schedule = 'random';
DELETE FROM decisions WHERE schedule = 'random';
DELETE FROM window_days WHERE schedule = 'random';
DELETE FROM decision_days WHERE schedule = 'random';
ALTER TABLE windows DROP CONSTRAINT windows_schedule_check,
    ADD CONSTRAINT windows_schedule_check CHECK (schedule IN ('parity', 'mirrored'));
ALTER TABLE decisions DROP CONSTRAINT decisions_schedule_check,
    ADD CONSTRAINT decisions_schedule_check CHECK (schedule IN ('parity', 'mirrored'));
ALTER TABLE window_days DROP CONSTRAINT window_days_schedule_check,
    ADD CONSTRAINT window_days_schedule_check CHECK (schedule IN ('parity', 'mirrored'));
ALTER TABLE decision_days DROP CONSTRAINT decision_days_schedule_check,
    ADD CONSTRAINT decision_days_schedule_check CHECK (schedule IN ('parity', 'mirrored'));
