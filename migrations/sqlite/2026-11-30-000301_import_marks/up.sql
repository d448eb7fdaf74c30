-- Which kind of import made a change; none where it was made in Kring itself. An import corrects what imports made, and
-- leaves alone what people have done since.
ALTER TABLE history ADD COLUMN source TEXT CHECK (source IN ('BUNDLE', 'ROSTER'));

-- Until now the name of the command tells it. What it did to people and groups of rosters was done by rosters.
UPDATE history SET source = 'BUNDLE' WHERE actor_id IS NULL AND actor_name IN ('kring import', 'kring demo');
UPDATE history SET source = 'ROSTER' WHERE source = 'BUNDLE' AND entity = 'PARTICIPANT'
    AND entity_id IN (SELECT participant_id FROM roster_people);
UPDATE history SET source = 'ROSTER' WHERE source = 'BUNDLE' AND entity = 'GROUP'
    AND entity_id IN (SELECT group_id FROM roster_groups);
UPDATE history SET source = 'ROSTER' WHERE source = 'BUNDLE' AND entity = 'MEMBERSHIP'
    AND entity_id IN (SELECT m.id FROM memberships m JOIN roster_groups g ON g.group_id = m.group_id
                      JOIN roster_people p ON p.participant_id = m.participant_id);
