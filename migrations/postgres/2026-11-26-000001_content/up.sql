-- What is shown to people. The fields of its kind are a JSON object, which the gateway reads and checks; what it has many
-- of has tables of its own.
CREATE TABLE content (
    id              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind            TEXT NOT NULL CHECK (kind <> ''),
    title           TEXT NOT NULL CHECK (title <> ''),
    sort_key        TEXT COLLATE "C" NOT NULL,
    search_text     TEXT COLLATE "C" NOT NULL,
    details         TEXT NOT NULL CHECK (details::json IS NOT NULL),
    starts_at       TIMESTAMP,
    ends_at         TIMESTAMP,
    organization_id BIGINT REFERENCES participants (id),
    author_id       BIGINT REFERENCES participants (id),
    author_key      TEXT NOT NULL,
    author_name     TEXT NOT NULL,
    published_at    TIMESTAMP,
    withdrawn_at    TIMESTAMP,
    created_at      TIMESTAMP NOT NULL,
    updated_at      TIMESTAMP NOT NULL,
    UNIQUE (id, published_at),
    UNIQUE (id, kind),
    CHECK (published_at IS NULL OR withdrawn_at IS NULL),
    CHECK (ends_at IS NULL OR starts_at IS NOT NULL)
);
CREATE INDEX content_published ON content (published_at, id) WHERE published_at IS NOT NULL;
CREATE INDEX content_by_organization ON content (organization_id, published_at, id);
CREATE INDEX content_by_author ON content (author_key, published_at, id);
CREATE INDEX content_by_start ON content (starts_at, id) WHERE starts_at IS NOT NULL;

-- To whom an item is shown, from when to when, and why no longer. An open link repeats when the item is published, kept
-- in step by its foreign key, so that an index walk yields what is shown to somebody, the newest first. The audience as
-- one number: eight times the key of the group or participant, and which of them it is.
CREATE TABLE content_links (
    id             BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    content_id     BIGINT NOT NULL REFERENCES content (id),
    kind           TEXT NOT NULL,
    audience       TEXT NOT NULL CHECK (audience IN ('EVERYONE', 'ORGANIZATION', 'STAFF', 'PARTICIPANT', 'GROUP')),
    participant_id BIGINT REFERENCES participants (id),
    group_id       BIGINT REFERENCES groups (id),
    audience_key   BIGINT NOT NULL GENERATED ALWAYS AS (CASE audience
        WHEN 'EVERYONE' THEN 0
        WHEN 'ORGANIZATION' THEN participant_id * 8 + 1
        WHEN 'STAFF' THEN participant_id * 8 + 2
        WHEN 'PARTICIPANT' THEN participant_id * 8 + 3
        ELSE group_id * 8 + 4 END) STORED,
    published_at   TIMESTAMP,
    linked_at      TIMESTAMP NOT NULL,
    linked_by      TEXT NOT NULL,
    unlinked_at    TIMESTAMP,
    unlinked_by    TEXT,
    unlink_reason  TEXT CHECK (unlink_reason IN ('CHANGED', 'WITHDRAWN', 'YEAR_TRANSITION', 'MOVED')),
    FOREIGN KEY (content_id, published_at) REFERENCES content (id, published_at) ON UPDATE CASCADE,
    FOREIGN KEY (content_id, kind) REFERENCES content (id, kind),
    CHECK ((unlinked_at IS NULL) = (unlink_reason IS NULL)),
    CHECK (unlinked_at IS NOT NULL OR published_at IS NOT NULL),
    CHECK ((group_id IS NOT NULL) = (audience = 'GROUP')),
    CHECK ((participant_id IS NOT NULL) = (audience IN ('ORGANIZATION', 'STAFF', 'PARTICIPANT')))
);
CREATE UNIQUE INDEX content_links_open ON content_links (content_id, audience_key) WHERE unlinked_at IS NULL;
CREATE INDEX content_links_by_audience
    ON content_links (audience_key, published_at, content_id, kind, unlinked_at) WHERE unlinked_at IS NULL;
CREATE INDEX content_links_by_content ON content_links (content_id, published_at);
CREATE INDEX content_links_by_group ON content_links (group_id, unlinked_at) WHERE group_id IS NOT NULL;
CREATE INDEX content_links_by_participant ON content_links (participant_id) WHERE participant_id IS NOT NULL;

ALTER TABLE history DROP CONSTRAINT history_entity_check;
ALTER TABLE history ADD CONSTRAINT history_entity_check CHECK (entity IN
    ('PARTICIPANT', 'GROUP', 'MEMBERSHIP', 'CATEGORY', 'START_REASON', 'END_REASON', 'CONTENT'));
