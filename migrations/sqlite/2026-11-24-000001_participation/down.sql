DELETE FROM end_reasons WHERE code = 'TAKEN_OVER';
ALTER TABLE participants DROP COLUMN enforce_portal_settings;
DROP INDEX memberships_annulled;
DROP INDEX memberships_by_member_key;
DROP INDEX groups_dynamic;
DROP INDEX groups_fed;
DROP TABLE opt_outs;
DROP TABLE derivation_turn;
