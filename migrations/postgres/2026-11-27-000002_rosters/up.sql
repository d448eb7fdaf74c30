-- By which keys a student information system knows the people of an organization. Pupils and teachers have keys of their
-- own. A key that the system gives to somebody else is taken away here, and the person stays known.
CREATE TABLE roster_people (
    organization_id BIGINT NOT NULL REFERENCES participants (id),
    participant_id  BIGINT NOT NULL REFERENCES participants (id),
    kind            TEXT NOT NULL CHECK (kind IN ('PUPIL', 'TEACHER')),
    las_key         TEXT CHECK (las_key <> ''),
    eck_id          TEXT CHECK (eck_id <> ''),
    PRIMARY KEY (organization_id, participant_id),
    UNIQUE (organization_id, kind, las_key),
    UNIQUE (organization_id, kind, eck_id)
);
CREATE INDEX roster_people_by_participant ON roster_people (participant_id);

-- The same for its groups.
CREATE TABLE roster_groups (
    organization_id BIGINT NOT NULL REFERENCES participants (id),
    group_id        BIGINT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    kind            TEXT NOT NULL CHECK (kind IN ('GROUP', 'CROSS_YEAR')),
    las_key         TEXT NOT NULL CHECK (las_key <> ''),
    PRIMARY KEY (organization_id, group_id),
    UNIQUE (organization_id, kind, las_key)
);
CREATE INDEX roster_groups_by_group ON roster_groups (group_id);

-- The rosters that were imported: for which day each holds, and when its sender made it.
CREATE TABLE roster_imports (
    id              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id BIGINT NOT NULL REFERENCES participants (id),
    reference_date  DATE NOT NULL,
    made_at         TIMESTAMP,
    school_year     BIGINT,
    imported_at     TIMESTAMP NOT NULL,
    imported_by     TEXT NOT NULL
);
CREATE INDEX roster_imports_by_organization ON roster_imports (organization_id, reference_date);
