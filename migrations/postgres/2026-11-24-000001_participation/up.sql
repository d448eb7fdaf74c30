-- Who has left a group that is fed automatically, and from which day on nothing brings them back (S5).
CREATE TABLE opt_outs (
    group_id       BIGINT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    participant_id BIGINT NOT NULL REFERENCES participants (id),
    since          DATE NOT NULL,
    created_at     TIMESTAMP NOT NULL,
    PRIMARY KEY (group_id, participant_id)
);
CREATE INDEX opt_outs_by_participant ON opt_outs (participant_id);

-- Groups that are fed, and groups that follow from a filter: few among many, and looked for at every change of members.
CREATE INDEX groups_fed ON groups (id) WHERE source_group_id IS NOT NULL OR via_home_address;
CREATE INDEX groups_dynamic ON groups (id) WHERE member_filter IS NOT NULL;

-- A participant's name is repeated in their memberships; this finds them when it changes.
CREATE INDEX memberships_by_member_key ON memberships (participant_id, member_key);
CREATE INDEX memberships_annulled ON memberships (group_id, participant_id) WHERE annulled_at IS NOT NULL;

-- Whoever changes memberships from which others follow takes this row first and holds it until the commit, so that each
-- sees what the one before wrote.
CREATE TABLE derivation_turn (
    singleton INTEGER PRIMARY KEY CHECK (singleton = 1)
);
INSERT INTO derivation_turn (singleton) VALUES (1);

ALTER TABLE participants ADD COLUMN enforce_portal_settings BOOLEAN NOT NULL DEFAULT FALSE;

INSERT INTO end_reasons (code, label, system) VALUES
    ('TAKEN_OVER', 'Taken over by a membership made by hand', TRUE);
