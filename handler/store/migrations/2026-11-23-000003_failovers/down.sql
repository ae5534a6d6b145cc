DROP INDEX decisions_off_schedule;
