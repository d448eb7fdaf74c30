-- Dates are ISO 8601 text, instants are UTC text as Diesel writes them, flags are 0 or 1.

CREATE TABLE participants (
    id              INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    external_id     TEXT,
    kind            TEXT NOT NULL CHECK (kind IN ('PERSON', 'ORGANIZATION', 'ADDRESS')),
    given_name      TEXT,
    name_prefix     TEXT,
    family_name     TEXT,
    name            TEXT,
    birth_date      TEXT CHECK (birth_date IS NULL OR date(birth_date) IS birth_date),
    gender          TEXT CHECK (gender IN ('FEMALE', 'MALE', 'OTHER', 'UNKNOWN')),
    email           TEXT,
    phone           TEXT,
    street          TEXT,
    house_number    TEXT,
    postal_code     TEXT,
    city            TEXT,
    complex_number  TEXT,
    dwelling_type   TEXT,
    organization_id INTEGER REFERENCES participants (id),
    display_name    TEXT NOT NULL CHECK (display_name <> ''),
    sort_key        TEXT NOT NULL,
    search_text     TEXT NOT NULL,
    created_at      TEXT NOT NULL,
    updated_at      TEXT NOT NULL,
    UNIQUE (id, sort_key),
    CHECK (kind <> 'PERSON' OR given_name IS NOT NULL OR family_name IS NOT NULL),
    CHECK (kind <> 'ORGANIZATION' OR name IS NOT NULL),
    CHECK (kind <> 'ADDRESS' OR house_number IS NOT NULL)
);
-- External ids are unique within the organization that gave them: what others hold must not show in a refusal.
CREATE UNIQUE INDEX participants_external_id ON participants (external_id, coalesce(organization_id, 0));
CREATE INDEX participants_by_name ON participants (sort_key, id);
CREATE INDEX participants_by_organization ON participants (organization_id);
CREATE INDEX participants_by_email ON participants (lower(email));

CREATE TABLE residencies (
    id             INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    participant_id INTEGER NOT NULL REFERENCES participants (id),
    address_id     INTEGER NOT NULL REFERENCES participants (id),
    start_date     TEXT NOT NULL CHECK (date(start_date) IS start_date),
    end_date       TEXT CHECK (end_date IS NULL OR date(end_date) IS end_date),
    CHECK (end_date IS NULL OR end_date >= start_date),
    CHECK (participant_id <> address_id)
);
CREATE INDEX residencies_by_participant ON residencies (participant_id, start_date);
CREATE INDEX residencies_by_address ON residencies (address_id, start_date);

CREATE TRIGGER residencies_no_overlap_insert BEFORE INSERT ON residencies
WHEN EXISTS (
    SELECT 1 FROM residencies r
    WHERE r.participant_id = NEW.participant_id AND r.address_id = NEW.address_id
      AND r.start_date < coalesce(NEW.end_date, '9999-99-99')
      AND NEW.start_date < coalesce(r.end_date, '9999-99-99')
      AND NEW.start_date < coalesce(NEW.end_date, '9999-99-99')
      AND r.start_date < coalesce(r.end_date, '9999-99-99')
)
BEGIN SELECT RAISE(ABORT, 'residencies_no_overlap'); END;

CREATE TRIGGER residencies_no_overlap_update
BEFORE UPDATE OF participant_id, address_id, start_date, end_date ON residencies
WHEN EXISTS (
    SELECT 1 FROM residencies r
    WHERE r.participant_id = NEW.participant_id AND r.address_id = NEW.address_id AND r.id <> NEW.id
      AND r.start_date < coalesce(NEW.end_date, '9999-99-99')
      AND NEW.start_date < coalesce(r.end_date, '9999-99-99')
      AND NEW.start_date < coalesce(NEW.end_date, '9999-99-99')
      AND r.start_date < coalesce(r.end_date, '9999-99-99')
)
BEGIN SELECT RAISE(ABORT, 'residencies_no_overlap'); END;

CREATE TABLE guardianships (
    child_id    INTEGER NOT NULL REFERENCES participants (id),
    guardian_id INTEGER NOT NULL REFERENCES participants (id),
    PRIMARY KEY (child_id, guardian_id),
    CHECK (child_id <> guardian_id)
);
CREATE INDEX guardianships_by_guardian ON guardianships (guardian_id);

CREATE TABLE group_categories (
    id          INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    external_id TEXT UNIQUE,
    name        TEXT NOT NULL CHECK (name <> ''),
    sort_key    TEXT NOT NULL
);
CREATE UNIQUE INDEX group_categories_name ON group_categories (sort_key);

CREATE TABLE groups (
    id                   INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    external_id          TEXT,
    name                 TEXT NOT NULL CHECK (name <> ''),
    sort_key             TEXT NOT NULL,
    search_text          TEXT NOT NULL,
    description          TEXT,
    category_id          INTEGER REFERENCES group_categories (id),
    organization_id      INTEGER REFERENCES participants (id),
    responsible_id       INTEGER REFERENCES participants (id),
    composition          TEXT NOT NULL DEFAULT 'ANY' CHECK (composition IN ('ANY', 'ALL')),
    member_filter        TEXT CHECK (member_filter IS NULL OR json_valid(member_filter)),
    start_date           TEXT CHECK (start_date IS NULL OR date(start_date) IS start_date),
    completed_on         TEXT CHECK (completed_on IS NULL OR date(completed_on) IS completed_on),
    closed               INTEGER NOT NULL DEFAULT 0 CHECK (closed IN (0, 1)),
    visible_on_portal    INTEGER NOT NULL DEFAULT 0 CHECK (visible_on_portal IN (0, 1)),
    visible_with_contact INTEGER NOT NULL DEFAULT 0 CHECK (visible_with_contact IN (0, 1)),
    changeable_on_portal INTEGER NOT NULL DEFAULT 0 CHECK (changeable_on_portal IN (0, 1)),
    new_member_template  TEXT,
    neighbourhood_role   TEXT CHECK (neighbourhood_role IN ('COACH', 'PROJECT_LEADER', 'EXTERNAL_PARTY')),
    subscription_group   INTEGER NOT NULL DEFAULT 0 CHECK (subscription_group IN (0, 1)),
    restricted_to_id     INTEGER REFERENCES groups (id),
    source_group_id      INTEGER REFERENCES groups (id),
    via_home_address     INTEGER NOT NULL DEFAULT 0 CHECK (via_home_address IN (0, 1)),
    analytics_group      INTEGER NOT NULL DEFAULT 0 CHECK (analytics_group IN (0, 1)),
    contribution_group   INTEGER NOT NULL DEFAULT 0 CHECK (contribution_group IN (0, 1)),
    mail_group           INTEGER NOT NULL DEFAULT 0 CHECK (mail_group IN (0, 1)),
    member_directory     INTEGER NOT NULL DEFAULT 0 CHECK (member_directory IN (0, 1)),
    year_group           INTEGER CHECK (year_group BETWEEN 1 AND 8),
    created_at           TEXT NOT NULL,
    updated_at           TEXT NOT NULL,
    CHECK (restricted_to_id IS NULL OR restricted_to_id <> id),
    CHECK (source_group_id IS NULL OR source_group_id <> id),
    CONSTRAINT contribution_stands_alone CHECK (contribution_group = 0
        OR (subscription_group = 0 AND source_group_id IS NULL AND via_home_address = 0))
);
CREATE UNIQUE INDEX groups_external_id ON groups (external_id, coalesce(organization_id, 0));
CREATE INDEX groups_by_name ON groups (sort_key, id);
CREATE INDEX groups_by_category ON groups (category_id);
CREATE INDEX groups_by_organization ON groups (organization_id);
CREATE INDEX groups_by_responsible ON groups (responsible_id) WHERE responsible_id IS NOT NULL;
CREATE INDEX groups_by_source ON groups (source_group_id) WHERE source_group_id IS NOT NULL;
CREATE INDEX groups_by_restriction ON groups (restricted_to_id) WHERE restricted_to_id IS NOT NULL;

CREATE TABLE group_components (
    composite_id INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    component_id INTEGER NOT NULL REFERENCES groups (id),
    mode         TEXT NOT NULL DEFAULT 'INCLUDE' CHECK (mode IN ('INCLUDE', 'EXCLUDE')),
    position     INTEGER NOT NULL,
    PRIMARY KEY (composite_id, component_id),
    CHECK (composite_id <> component_id)
) WITHOUT ROWID;
CREATE INDEX group_components_by_component ON group_components (component_id);

CREATE TABLE start_reasons (
    id      INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    code    TEXT NOT NULL UNIQUE CHECK (code <> ''),
    label   TEXT NOT NULL CHECK (label <> ''),
    system  INTEGER NOT NULL DEFAULT 0 CHECK (system IN (0, 1)),
    retired INTEGER NOT NULL DEFAULT 0 CHECK (retired IN (0, 1))
);

CREATE TABLE end_reasons (
    id      INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    code    TEXT NOT NULL UNIQUE CHECK (code <> ''),
    label   TEXT NOT NULL CHECK (label <> ''),
    system  INTEGER NOT NULL DEFAULT 0 CHECK (system IN (0, 1)),
    retired INTEGER NOT NULL DEFAULT 0 CHECK (retired IN (0, 1))
);

-- member_key repeats the participant's sort_key, kept in step by the foreign key itself, so that an index walk
-- yields the members of a group by name without touching a participant that is not on the page.
CREATE TABLE memberships (
    id              INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    group_id        INTEGER NOT NULL REFERENCES groups (id),
    participant_id  INTEGER NOT NULL,
    member_key      TEXT NOT NULL,
    start_date      TEXT NOT NULL CHECK (date(start_date) IS start_date),
    start_reason_id INTEGER NOT NULL REFERENCES start_reasons (id),
    end_date        TEXT CHECK (end_date IS NULL OR date(end_date) IS end_date),
    end_reason_id   INTEGER REFERENCES end_reasons (id),
    end_note        TEXT,
    role            TEXT NOT NULL DEFAULT 'MEMBER' CHECK (role IN ('MEMBER', 'LEADER')),
    origin          TEXT NOT NULL CHECK (origin IN
        ('MANUAL', 'SUBSCRIPTION', 'HOME_ADDRESS', 'SOURCE_GROUP', 'YEAR_TRANSITION', 'IMPORT')),
    annulled_at     TEXT,
    created_at      TEXT NOT NULL,
    updated_at      TEXT NOT NULL,
    FOREIGN KEY (participant_id, member_key) REFERENCES participants (id, sort_key) ON UPDATE CASCADE,
    CHECK (end_date IS NULL OR end_date >= start_date),
    CHECK ((end_date IS NULL) = (end_reason_id IS NULL))
);
-- annulled_at is always null in these indexes; SQLite reads the row to see that unless it is among their columns.
CREATE INDEX memberships_by_group_name
    ON memberships (group_id, member_key, participant_id, start_date, end_date, annulled_at) WHERE annulled_at IS NULL;
CREATE INDEX memberships_by_group
    ON memberships (group_id, participant_id, start_date, end_date, annulled_at) WHERE annulled_at IS NULL;
CREATE INDEX memberships_by_participant
    ON memberships (participant_id, group_id, start_date, end_date, annulled_at) WHERE annulled_at IS NULL;
CREATE INDEX memberships_by_start_reason ON memberships (start_reason_id);
CREATE INDEX memberships_by_end_reason ON memberships (end_reason_id) WHERE end_reason_id IS NOT NULL;

CREATE TRIGGER memberships_no_overlap_insert BEFORE INSERT ON memberships
WHEN NEW.annulled_at IS NULL AND EXISTS (
    SELECT 1 FROM memberships m
    WHERE m.participant_id = NEW.participant_id AND m.group_id = NEW.group_id AND m.annulled_at IS NULL
      AND m.start_date < coalesce(NEW.end_date, '9999-99-99')
      AND NEW.start_date < coalesce(m.end_date, '9999-99-99')
      AND NEW.start_date < coalesce(NEW.end_date, '9999-99-99')
      AND m.start_date < coalesce(m.end_date, '9999-99-99')
)
BEGIN SELECT RAISE(ABORT, 'memberships_no_overlap'); END;

CREATE TRIGGER memberships_no_overlap_update
BEFORE UPDATE OF group_id, participant_id, start_date, end_date, annulled_at ON memberships
WHEN NEW.annulled_at IS NULL AND EXISTS (
    SELECT 1 FROM memberships m
    WHERE m.participant_id = NEW.participant_id AND m.group_id = NEW.group_id AND m.annulled_at IS NULL
      AND m.id <> NEW.id
      AND m.start_date < coalesce(NEW.end_date, '9999-99-99')
      AND NEW.start_date < coalesce(m.end_date, '9999-99-99')
      AND NEW.start_date < coalesce(NEW.end_date, '9999-99-99')
      AND m.start_date < coalesce(m.end_date, '9999-99-99')
)
BEGIN SELECT RAISE(ABORT, 'memberships_no_overlap'); END;

CREATE TABLE history (
    id         INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    at         TEXT NOT NULL,
    actor_id   INTEGER REFERENCES participants (id),
    actor_name TEXT NOT NULL,
    action     TEXT NOT NULL CHECK (action IN ('CREATED', 'UPDATED', 'ENDED', 'ANNULLED', 'DELETED')),
    entity     TEXT NOT NULL CHECK (entity IN
        ('PARTICIPANT', 'GROUP', 'MEMBERSHIP', 'CATEGORY', 'START_REASON', 'END_REASON')),
    entity_id  INTEGER NOT NULL,
    changes    TEXT NOT NULL CHECK (json_valid(changes))
);
CREATE INDEX history_by_entity ON history (entity, entity_id, id);

CREATE TABLE client_mutations (
    actor              TEXT NOT NULL,
    client_mutation_id TEXT NOT NULL,
    request            TEXT NOT NULL,
    outcome            TEXT NOT NULL CHECK (json_valid(outcome)),
    at                 TEXT NOT NULL,
    PRIMARY KEY (actor, client_mutation_id)
) WITHOUT ROWID;
CREATE INDEX client_mutations_by_age ON client_mutations (at);

-- Rises with every change to what groups are made of; a reader that holds the composition in memory compares it.
CREATE TABLE composition_revision (
    singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
    revision  INTEGER NOT NULL
);
INSERT INTO composition_revision (singleton, revision) VALUES (1, 1);

INSERT INTO start_reasons (code, label, system) VALUES
    ('JOINED', 'Joined', 1),
    ('SELF_SUBSCRIBED', 'Subscribed', 1),
    ('MOVED_IN', 'Moved in', 1),
    ('JOINED_SOURCE_GROUP', 'Joined the source group', 1),
    ('YEAR_TRANSITION', 'Year transition', 1),
    ('IMPORTED', 'Imported', 1);
INSERT INTO end_reasons (code, label, system) VALUES
    ('LEFT', 'Left', 1),
    ('SELF_UNSUBSCRIBED', 'Unsubscribed', 1),
    ('MOVED_OUT', 'Moved out', 1),
    ('LEFT_SOURCE_GROUP', 'Left the source group', 1),
    ('YEAR_TRANSITION', 'Year transition', 1),
    ('IMPORTED', 'Imported', 1);
