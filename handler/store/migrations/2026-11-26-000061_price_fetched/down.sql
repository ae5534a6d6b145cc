ALTER TABLE prices DROP COLUMN fetched_at;
