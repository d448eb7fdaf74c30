-- Instants are UTC. Text that is compared or sorted by the gateway is collated by code point, as on SQLite.

CREATE TABLE participants (
    id              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    external_id     TEXT,
    kind            TEXT NOT NULL CHECK (kind IN ('PERSON', 'ORGANIZATION', 'ADDRESS')),
    given_name      TEXT,
    name_prefix     TEXT,
    family_name     TEXT,
    name            TEXT,
    birth_date      DATE,
    gender          TEXT CHECK (gender IN ('FEMALE', 'MALE', 'OTHER', 'UNKNOWN')),
    email           TEXT,
    phone           TEXT,
    street          TEXT,
    house_number    TEXT,
    postal_code     TEXT,
    city            TEXT,
    complex_number  TEXT,
    dwelling_type   TEXT,
    organization_id BIGINT REFERENCES participants (id),
    display_name    TEXT NOT NULL CHECK (display_name <> ''),
    sort_key        TEXT COLLATE "C" NOT NULL,
    search_text     TEXT COLLATE "C" NOT NULL,
    created_at      TIMESTAMP NOT NULL,
    updated_at      TIMESTAMP NOT NULL,
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
    id             BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    participant_id BIGINT NOT NULL REFERENCES participants (id),
    address_id     BIGINT NOT NULL REFERENCES participants (id),
    start_date     DATE NOT NULL,
    end_date       DATE,
    CHECK (end_date IS NULL OR end_date >= start_date),
    CHECK (participant_id <> address_id),
    CONSTRAINT residencies_no_overlap EXCLUDE USING gist (
        int8range(participant_id, participant_id, '[]') WITH &&,
        int8range(address_id, address_id, '[]') WITH &&,
        daterange(start_date, end_date, '[)') WITH &&)
);
CREATE INDEX residencies_by_participant ON residencies (participant_id, start_date);
CREATE INDEX residencies_by_address ON residencies (address_id, start_date);

CREATE TABLE guardianships (
    child_id    BIGINT NOT NULL REFERENCES participants (id),
    guardian_id BIGINT NOT NULL REFERENCES participants (id),
    PRIMARY KEY (child_id, guardian_id),
    CHECK (child_id <> guardian_id)
);
CREATE INDEX guardianships_by_guardian ON guardianships (guardian_id);

CREATE TABLE group_categories (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    external_id TEXT UNIQUE,
    name        TEXT NOT NULL CHECK (name <> ''),
    sort_key    TEXT COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX group_categories_name ON group_categories (sort_key);

CREATE TABLE groups (
    id                   BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    external_id          TEXT,
    name                 TEXT NOT NULL CHECK (name <> ''),
    sort_key             TEXT COLLATE "C" NOT NULL,
    search_text          TEXT COLLATE "C" NOT NULL,
    description          TEXT,
    category_id          BIGINT REFERENCES group_categories (id),
    organization_id      BIGINT REFERENCES participants (id),
    responsible_id       BIGINT REFERENCES participants (id),
    composition          TEXT NOT NULL DEFAULT 'ANY' CHECK (composition IN ('ANY', 'ALL')),
    member_filter        TEXT CHECK (member_filter IS NULL OR member_filter::json IS NOT NULL),
    start_date           DATE,
    completed_on         DATE,
    closed               BOOLEAN NOT NULL DEFAULT FALSE,
    visible_on_portal    BOOLEAN NOT NULL DEFAULT FALSE,
    visible_with_contact BOOLEAN NOT NULL DEFAULT FALSE,
    changeable_on_portal BOOLEAN NOT NULL DEFAULT FALSE,
    new_member_template  TEXT,
    neighbourhood_role   TEXT CHECK (neighbourhood_role IN ('COACH', 'PROJECT_LEADER', 'EXTERNAL_PARTY')),
    subscription_group   BOOLEAN NOT NULL DEFAULT FALSE,
    restricted_to_id     BIGINT REFERENCES groups (id),
    source_group_id      BIGINT REFERENCES groups (id),
    via_home_address     BOOLEAN NOT NULL DEFAULT FALSE,
    analytics_group      BOOLEAN NOT NULL DEFAULT FALSE,
    contribution_group   BOOLEAN NOT NULL DEFAULT FALSE,
    mail_group           BOOLEAN NOT NULL DEFAULT FALSE,
    member_directory     BOOLEAN NOT NULL DEFAULT FALSE,
    year_group           INTEGER CHECK (year_group BETWEEN 1 AND 8),
    created_at           TIMESTAMP NOT NULL,
    updated_at           TIMESTAMP NOT NULL,
    CHECK (restricted_to_id IS NULL OR restricted_to_id <> id),
    CHECK (source_group_id IS NULL OR source_group_id <> id),
    CONSTRAINT contribution_stands_alone CHECK (NOT contribution_group
        OR (NOT subscription_group AND source_group_id IS NULL AND NOT via_home_address))
);
CREATE UNIQUE INDEX groups_external_id ON groups (external_id, coalesce(organization_id, 0));
CREATE INDEX groups_by_name ON groups (sort_key, id);
CREATE INDEX groups_by_category ON groups (category_id);
CREATE INDEX groups_by_organization ON groups (organization_id);
CREATE INDEX groups_by_responsible ON groups (responsible_id) WHERE responsible_id IS NOT NULL;
CREATE INDEX groups_by_source ON groups (source_group_id) WHERE source_group_id IS NOT NULL;
CREATE INDEX groups_by_restriction ON groups (restricted_to_id) WHERE restricted_to_id IS NOT NULL;

CREATE TABLE group_components (
    composite_id BIGINT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    component_id BIGINT NOT NULL REFERENCES groups (id),
    mode         TEXT NOT NULL DEFAULT 'INCLUDE' CHECK (mode IN ('INCLUDE', 'EXCLUDE')),
    position     INTEGER NOT NULL,
    PRIMARY KEY (composite_id, component_id),
    CHECK (composite_id <> component_id)
);
CREATE INDEX group_components_by_component ON group_components (component_id);

CREATE TABLE start_reasons (
    id      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code    TEXT COLLATE "C" NOT NULL UNIQUE CHECK (code <> ''),
    label   TEXT NOT NULL CHECK (label <> ''),
    system  BOOLEAN NOT NULL DEFAULT FALSE,
    retired BOOLEAN NOT NULL DEFAULT FALSE
);

CREATE TABLE end_reasons (
    id      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code    TEXT COLLATE "C" NOT NULL UNIQUE CHECK (code <> ''),
    label   TEXT NOT NULL CHECK (label <> ''),
    system  BOOLEAN NOT NULL DEFAULT FALSE,
    retired BOOLEAN NOT NULL DEFAULT FALSE
);

-- member_key repeats the participant's sort_key, kept in step by the foreign key itself, so that an index walk
-- yields the members of a group by name without touching a participant that is not on the page.
CREATE TABLE memberships (
    id              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    group_id        BIGINT NOT NULL REFERENCES groups (id),
    participant_id  BIGINT NOT NULL,
    member_key      TEXT COLLATE "C" NOT NULL,
    start_date      DATE NOT NULL,
    start_reason_id BIGINT NOT NULL REFERENCES start_reasons (id),
    end_date        DATE,
    end_reason_id   BIGINT REFERENCES end_reasons (id),
    end_note        TEXT,
    role            TEXT NOT NULL DEFAULT 'MEMBER' CHECK (role IN ('MEMBER', 'LEADER')),
    origin          TEXT NOT NULL CHECK (origin IN
        ('MANUAL', 'SUBSCRIPTION', 'HOME_ADDRESS', 'SOURCE_GROUP', 'YEAR_TRANSITION', 'IMPORT')),
    annulled_at     TIMESTAMP,
    created_at      TIMESTAMP NOT NULL,
    updated_at      TIMESTAMP NOT NULL,
    FOREIGN KEY (participant_id, member_key) REFERENCES participants (id, sort_key) ON UPDATE CASCADE,
    CHECK (end_date IS NULL OR end_date >= start_date),
    CHECK ((end_date IS NULL) = (end_reason_id IS NULL)),
    -- Ranges of one number stand in for equality, which GiST would need the btree_gist extension for.
    CONSTRAINT memberships_no_overlap EXCLUDE USING gist (
        int8range(participant_id, participant_id, '[]') WITH &&,
        int8range(group_id, group_id, '[]') WITH &&,
        daterange(start_date, end_date, '[)') WITH &&) WHERE (annulled_at IS NULL)
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

CREATE TABLE history (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         TIMESTAMP NOT NULL,
    actor_id   BIGINT REFERENCES participants (id),
    actor_name TEXT NOT NULL,
    action     TEXT NOT NULL CHECK (action IN ('CREATED', 'UPDATED', 'ENDED', 'ANNULLED', 'DELETED')),
    entity     TEXT NOT NULL CHECK (entity IN
        ('PARTICIPANT', 'GROUP', 'MEMBERSHIP', 'CATEGORY', 'START_REASON', 'END_REASON')),
    entity_id  BIGINT NOT NULL,
    changes    TEXT NOT NULL CHECK (changes::json IS NOT NULL)
);
CREATE INDEX history_by_entity ON history (entity, entity_id, id);

CREATE TABLE client_mutations (
    actor              TEXT NOT NULL,
    client_mutation_id TEXT NOT NULL,
    request            TEXT NOT NULL,
    outcome            TEXT NOT NULL CHECK (outcome::json IS NOT NULL),
    at                 TIMESTAMP NOT NULL,
    PRIMARY KEY (actor, client_mutation_id)
);
CREATE INDEX client_mutations_by_age ON client_mutations (at);

-- Rises with every change to what groups are made of; a reader that holds the composition in memory compares it.
CREATE TABLE composition_revision (
    singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
    revision  BIGINT NOT NULL
);
INSERT INTO composition_revision (singleton, revision) VALUES (1, 1);

INSERT INTO start_reasons (code, label, system) VALUES
    ('JOINED', 'Joined', TRUE),
    ('SELF_SUBSCRIBED', 'Subscribed', TRUE),
    ('MOVED_IN', 'Moved in', TRUE),
    ('JOINED_SOURCE_GROUP', 'Joined the source group', TRUE),
    ('YEAR_TRANSITION', 'Year transition', TRUE),
    ('IMPORTED', 'Imported', TRUE);
INSERT INTO end_reasons (code, label, system) VALUES
    ('LEFT', 'Left', TRUE),
    ('SELF_UNSUBSCRIBED', 'Unsubscribed', TRUE),
    ('MOVED_OUT', 'Moved out', TRUE),
    ('LEFT_SOURCE_GROUP', 'Left the source group', TRUE),
    ('YEAR_TRANSITION', 'Year transition', TRUE),
    ('IMPORTED', 'Imported', TRUE);
