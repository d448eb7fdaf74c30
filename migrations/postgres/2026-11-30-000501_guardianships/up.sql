-- Who looks after a child, and for whom that counts (V4): for the organization that recorded or confirmed it, or for all
-- organizations where none is named. What an organization says for itself comes before what holds for all. A guardianship
-- that an organization has ended stays, so that no import brings it back.
ALTER TABLE guardianships DROP CONSTRAINT guardianships_pkey;
ALTER TABLE guardianships
    ADD COLUMN organization_id BIGINT REFERENCES participants (id),
    ADD COLUMN ends_on         DATE,
    ADD COLUMN ended           BOOLEAN NOT NULL DEFAULT FALSE,
    ADD COLUMN imported        BOOLEAN NOT NULL DEFAULT FALSE,
    ADD COLUMN changed_at      TIMESTAMP,
    ADD COLUMN changed_by_id   BIGINT REFERENCES participants (id),
    ADD COLUMN changed_by      TEXT;
-- So far every guardianship counted everywhere. From now on it counts for the organization that keeps the child's record,
-- which recorded it; others confirm it for themselves. Where nobody keeps the record, the operator recorded it for all.
UPDATE guardianships SET organization_id = c.organization_id FROM participants c WHERE c.id = guardianships.child_id;
CREATE UNIQUE INDEX guardianships_once ON guardianships (child_id, guardian_id, coalesce(organization_id, 0));
CREATE INDEX guardianships_by_organization ON guardianships (organization_id) WHERE organization_id IS NOT NULL;
CREATE INDEX guardianships_by_changer ON guardianships (changed_by_id) WHERE changed_by_id IS NOT NULL;

-- Who agrees that somebody goes on seeing what concerns them, although they are of age.
CREATE TABLE guardian_agreements (
    child_id    BIGINT NOT NULL REFERENCES participants (id),
    guardian_id BIGINT NOT NULL REFERENCES participants (id),
    agreed_at   TIMESTAMP NOT NULL,
    PRIMARY KEY (child_id, guardian_id)
);
CREATE INDEX guardian_agreements_by_guardian ON guardian_agreements (guardian_id);
