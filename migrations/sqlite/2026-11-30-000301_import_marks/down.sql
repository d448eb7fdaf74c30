ALTER TABLE history DROP COLUMN source;
