ALTER TABLE memberships DROP CONSTRAINT memberships_no_overlap;
ALTER TABLE memberships DROP CONSTRAINT memberships_group_id_range;
ALTER TABLE memberships ADD CONSTRAINT memberships_no_overlap EXCLUDE USING gist (
    int8range(participant_id, participant_id, '[]') WITH &&,
    int8range(group_id, group_id, '[]') WITH &&,
    daterange(start_date, end_date, '[)') WITH &&
) WHERE (annulled_at IS NULL);
DELETE FROM end_reasons WHERE code = 'TAKEN_OVER';
ALTER TABLE participants DROP COLUMN enforce_portal_settings;
DROP INDEX memberships_annulled;
DROP INDEX memberships_by_member_key;
DROP INDEX groups_dynamic;
DROP INDEX groups_fed;
DROP TABLE opt_outs;
DROP TABLE derivation_turn;
