-- When a price was fetched from the provider; null for those kept before this was recorded.
ALTER TABLE prices ADD COLUMN fetched_at timestamptz;
