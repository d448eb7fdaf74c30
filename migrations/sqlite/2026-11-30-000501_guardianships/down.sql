DROP TABLE guardian_agreements;
CREATE TABLE guardianships_before (
    child_id    INTEGER NOT NULL REFERENCES participants (id),
    guardian_id INTEGER NOT NULL REFERENCES participants (id),
    PRIMARY KEY (child_id, guardian_id),
    CHECK (child_id <> guardian_id)
);
INSERT INTO guardianships_before SELECT DISTINCT child_id, guardian_id FROM guardianships WHERE NOT ended;
DROP TABLE guardianships;
ALTER TABLE guardianships_before RENAME TO guardianships;
CREATE INDEX guardianships_by_guardian ON guardianships (guardian_id);
