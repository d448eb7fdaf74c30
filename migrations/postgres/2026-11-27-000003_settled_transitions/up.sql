-- When a transition was done. It is applied as of the moment at which it was asked for, and whoever asks for something in
-- between has not seen it yet.
ALTER TABLE year_transitions ADD COLUMN settled_at TIMESTAMP;
UPDATE year_transitions SET settled_at = applied_at WHERE applied_at IS NOT NULL;
