ALTER TABLE year_transitions DROP COLUMN settled_at;
