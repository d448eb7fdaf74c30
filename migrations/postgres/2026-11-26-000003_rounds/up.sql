-- The slots of conversation rounds. A booking stands in the slot itself, so that a slot cannot have two; the index sees to
-- it that nobody has two slots of one round.
CREATE TABLE conversation_slots (
    id             BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    content_id     BIGINT NOT NULL,
    kind           TEXT NOT NULL DEFAULT 'CONVERSATION_ROUND' CHECK (kind = 'CONVERSATION_ROUND'),
    starts_at      TIMESTAMP NOT NULL,
    ends_at        TIMESTAMP NOT NULL,
    location       TEXT CHECK (location <> ''),
    participant_id BIGINT REFERENCES participants (id),
    booked_by_id   BIGINT REFERENCES participants (id),
    booked_by_name TEXT,
    booked_at      TIMESTAMP,
    created_at     TIMESTAMP NOT NULL,
    FOREIGN KEY (content_id, kind) REFERENCES content (id, kind),
    CHECK (starts_at < ends_at),
    CHECK ((participant_id IS NULL) = (booked_at IS NULL)),
    CHECK ((participant_id IS NULL) = (booked_by_name IS NULL)),
    CHECK (participant_id IS NOT NULL OR booked_by_id IS NULL)
);
CREATE UNIQUE INDEX conversation_slots_once_each
    ON conversation_slots (content_id, participant_id) WHERE participant_id IS NOT NULL;
CREATE INDEX conversation_slots_by_round ON conversation_slots (content_id, starts_at, id, participant_id);
CREATE INDEX conversation_slots_by_participant
    ON conversation_slots (participant_id, starts_at) WHERE participant_id IS NOT NULL;
CREATE INDEX conversation_slots_by_booker ON conversation_slots (booked_by_id) WHERE booked_by_id IS NOT NULL;

-- Who signed up for what, in the order of their numbers. Who has a place follows from that order and the number of places,
-- and is stored nowhere. What was withdrawn is kept.
CREATE TABLE sign_up_entries (
    id                BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    content_id        BIGINT NOT NULL,
    kind              TEXT NOT NULL DEFAULT 'SIGN_UP_FORM' CHECK (kind = 'SIGN_UP_FORM'),
    number            BIGINT NOT NULL CHECK (number > 0),
    participant_id    BIGINT NOT NULL REFERENCES participants (id),
    note              TEXT CHECK (note <> ''),
    entered_by_id     BIGINT REFERENCES participants (id),
    entered_by_name   TEXT NOT NULL,
    created_at        TIMESTAMP NOT NULL,
    withdrawn_at      TIMESTAMP,
    withdrawn_by_name TEXT,
    UNIQUE (content_id, number),
    FOREIGN KEY (content_id, kind) REFERENCES content (id, kind),
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by_name IS NULL))
);
CREATE UNIQUE INDEX sign_up_entries_once_each
    ON sign_up_entries (content_id, participant_id) WHERE withdrawn_at IS NULL;
CREATE INDEX sign_up_entries_in_order ON sign_up_entries (content_id, number) WHERE withdrawn_at IS NULL;
CREATE INDEX sign_up_entries_by_participant ON sign_up_entries (participant_id, content_id, number);
CREATE INDEX sign_up_entries_by_enterer ON sign_up_entries (entered_by_id) WHERE entered_by_id IS NOT NULL;
