-- What is shown to people. The fields of its kind are a JSON object, which the gateway reads and checks; what it has many
-- of has tables of its own.
CREATE TABLE content (
    id              INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    kind            TEXT NOT NULL CHECK (kind <> ''),
    title           TEXT NOT NULL CHECK (title <> ''),
    sort_key        TEXT NOT NULL,
    search_text     TEXT NOT NULL,
    details         TEXT NOT NULL CHECK (json_valid(details)),
    starts_at       TEXT,
    ends_at         TEXT,
    organization_id INTEGER REFERENCES participants (id),
    author_id       INTEGER REFERENCES participants (id),
    author_key      TEXT NOT NULL,
    author_name     TEXT NOT NULL,
    published_at    TEXT,
    withdrawn_at    TEXT,
    created_at      TEXT NOT NULL,
    updated_at      TEXT NOT NULL,
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
    id             INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    content_id     INTEGER NOT NULL REFERENCES content (id),
    kind           TEXT NOT NULL,
    audience       TEXT NOT NULL CHECK (audience IN ('EVERYONE', 'ORGANIZATION', 'STAFF', 'PARTICIPANT', 'GROUP')),
    participant_id INTEGER REFERENCES participants (id),
    group_id       INTEGER REFERENCES groups (id),
    audience_key   INTEGER NOT NULL GENERATED ALWAYS AS (CASE audience
        WHEN 'EVERYONE' THEN 0
        WHEN 'ORGANIZATION' THEN participant_id * 8 + 1
        WHEN 'STAFF' THEN participant_id * 8 + 2
        WHEN 'PARTICIPANT' THEN participant_id * 8 + 3
        ELSE group_id * 8 + 4 END) STORED,
    published_at   TEXT,
    linked_at      TEXT NOT NULL,
    linked_by      TEXT NOT NULL,
    unlinked_at    TEXT,
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

-- A history of content is among those that are kept: the list of what has one cannot be changed in place.
CREATE TABLE history_with_content (
    id         INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    at         TEXT NOT NULL,
    actor_id   INTEGER REFERENCES participants (id),
    actor_name TEXT NOT NULL,
    action     TEXT NOT NULL CHECK (action IN ('CREATED', 'UPDATED', 'ENDED', 'ANNULLED', 'DELETED')),
    entity     TEXT NOT NULL CHECK (entity IN
        ('PARTICIPANT', 'GROUP', 'MEMBERSHIP', 'CATEGORY', 'START_REASON', 'END_REASON', 'CONTENT')),
    entity_id  INTEGER NOT NULL,
    changes    TEXT NOT NULL CHECK (json_valid(changes))
);
INSERT INTO history_with_content SELECT id, at, actor_id, actor_name, action, entity, entity_id, changes FROM history;
DROP TABLE history;
ALTER TABLE history_with_content RENAME TO history;
CREATE INDEX history_by_entity ON history (entity, entity_id, id);
