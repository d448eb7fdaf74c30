-- Whose address and contacts are told to nobody but the administrators of the organization that keeps the record (V7).
ALTER TABLE participants ADD COLUMN shielded INTEGER NOT NULL DEFAULT 0 CHECK (shielded IN (0, 1));

-- Who answered a survey for a child: what one guardian answers is not told to another (V7). Of what was answered so far only
-- the name is known; where exactly one of the family has it, it was that one.
ALTER TABLE survey_responses ADD COLUMN answered_by_id INTEGER REFERENCES participants (id);
CREATE INDEX survey_responses_by_answerer ON survey_responses (answered_by_id) WHERE answered_by_id IS NOT NULL;
UPDATE survey_responses SET answered_by_id = (
    SELECT MIN(p.id) FROM participants p
    WHERE p.display_name = survey_responses.answered_by AND (p.id = survey_responses.participant_id OR EXISTS (
        SELECT 1 FROM guardianships g WHERE g.child_id = survey_responses.participant_id AND g.guardian_id = p.id))
    HAVING COUNT(*) = 1
);
