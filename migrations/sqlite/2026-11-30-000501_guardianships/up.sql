-- Who looks after a child, and for whom that counts (V4): for the organization that recorded or confirmed it, or for all
-- organizations where none is named. What an organization says for itself comes before what holds for all. A guardianship
-- that an organization has ended stays, so that no import brings it back.
CREATE TABLE guardianships_for (
    child_id        INTEGER NOT NULL REFERENCES participants (id),
    guardian_id     INTEGER NOT NULL REFERENCES participants (id),
    organization_id INTEGER REFERENCES participants (id),
    ends_on         TEXT CHECK (ends_on IS NULL OR date(ends_on) IS ends_on),
    ended           INTEGER NOT NULL DEFAULT 0 CHECK (ended IN (0, 1)),
    imported        INTEGER NOT NULL DEFAULT 0 CHECK (imported IN (0, 1)),
    changed_at      TEXT,
    changed_by_id   INTEGER REFERENCES participants (id),
    changed_by      TEXT,
    CHECK (child_id <> guardian_id)
);
-- So far every guardianship counted everywhere. From now on it counts for the organization that keeps the child's record,
-- which recorded it; others confirm it for themselves. Where nobody keeps the record, the operator recorded it for all.
INSERT INTO guardianships_for (child_id, guardian_id, organization_id)
    SELECT g.child_id, g.guardian_id, c.organization_id FROM guardianships g JOIN participants c ON c.id = g.child_id;
DROP TABLE guardianships;
ALTER TABLE guardianships_for RENAME TO guardianships;
CREATE UNIQUE INDEX guardianships_once ON guardianships (child_id, guardian_id, coalesce(organization_id, 0));
CREATE INDEX guardianships_by_guardian ON guardianships (guardian_id);
CREATE INDEX guardianships_by_organization ON guardianships (organization_id) WHERE organization_id IS NOT NULL;
CREATE INDEX guardianships_by_changer ON guardianships (changed_by_id) WHERE changed_by_id IS NOT NULL;

-- Who agrees that somebody goes on seeing what concerns them, although they are of age.
CREATE TABLE guardian_agreements (
    child_id    INTEGER NOT NULL REFERENCES participants (id),
    guardian_id INTEGER NOT NULL REFERENCES participants (id),
    agreed_at   TEXT NOT NULL,
    PRIMARY KEY (child_id, guardian_id)
) WITHOUT ROWID;
CREATE INDEX guardian_agreements_by_guardian ON guardian_agreements (guardian_id);
