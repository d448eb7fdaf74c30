ALTER TABLE participants DROP COLUMN country;
