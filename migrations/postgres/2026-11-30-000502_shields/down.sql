DROP INDEX survey_responses_by_answerer;
ALTER TABLE survey_responses DROP COLUMN answered_by_id;
ALTER TABLE participants DROP COLUMN shielded;
