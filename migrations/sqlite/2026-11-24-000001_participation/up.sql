-- Who has left a group that is fed automatically, and from which day on nothing brings them back (S5).
CREATE TABLE opt_outs (
    group_id       INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    participant_id INTEGER NOT NULL REFERENCES participants (id),
    since          TEXT NOT NULL CHECK (date(since) IS since),
    created_at     TEXT NOT NULL,
    PRIMARY KEY (group_id, participant_id)
) WITHOUT ROWID;
CREATE INDEX opt_outs_by_participant ON opt_outs (participant_id);

-- Groups that are fed, and groups that follow from a filter: few among many, and looked for at every change of members.
CREATE INDEX groups_fed ON groups (id) WHERE source_group_id IS NOT NULL OR via_home_address;
CREATE INDEX groups_dynamic ON groups (id) WHERE member_filter IS NOT NULL;

-- A participant's name is repeated in their memberships; this finds them when it changes.
CREATE INDEX memberships_by_member_key ON memberships (participant_id, member_key);
CREATE INDEX memberships_annulled ON memberships (group_id, participant_id) WHERE annulled_at IS NOT NULL;

-- Whoever changes memberships from which others follow takes this row first and holds it until the commit; here the
-- one writer holds everything anyway.
CREATE TABLE derivation_turn (
    singleton INTEGER PRIMARY KEY NOT NULL CHECK (singleton = 1)
);
INSERT INTO derivation_turn (singleton) VALUES (1);

ALTER TABLE participants ADD COLUMN enforce_portal_settings INTEGER NOT NULL DEFAULT 0
    CHECK (enforce_portal_settings IN (0, 1));

INSERT INTO end_reasons (code, label, system) VALUES
    ('TAKEN_OVER', 'Taken over by a membership made by hand', 1);
