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

-- The same rule as before (M2), at a third of its price: one box for each period instead of three ranges. Across, a box
-- is as wide as the participant's key; along, a group's key and the days since year 1 of which it has 2 ^ 22, exact as
-- long as keys of groups stay below 2 ^ 28. The last day is cut short by half, since boxes that touch overlap.
ALTER TABLE memberships DROP CONSTRAINT memberships_no_overlap;
ALTER TABLE memberships ADD CONSTRAINT memberships_group_id_range CHECK (group_id < 268435456);
ALTER TABLE memberships ADD CONSTRAINT memberships_no_overlap EXCLUDE USING gist (
    box(
        point(participant_id, group_id * 4194304.0::float8 + (start_date - DATE '0001-01-01')),
        point(participant_id,
            group_id * 4194304.0::float8 + coalesce(end_date - DATE '0001-01-01', 4194303) - 0.5)
    ) WITH &&
) WHERE (annulled_at IS NULL AND (end_date IS NULL OR end_date > start_date));
