DROP TABLE guardian_agreements;
DELETE FROM guardianships WHERE ended;
DELETE FROM guardianships g USING guardianships o
    WHERE o.child_id = g.child_id AND o.guardian_id = g.guardian_id AND o.ctid < g.ctid;
ALTER TABLE guardianships DROP COLUMN organization_id, DROP COLUMN ends_on, DROP COLUMN ended, DROP COLUMN imported,
    DROP COLUMN changed_at, DROP COLUMN changed_by_id, DROP COLUMN changed_by;
ALTER TABLE guardianships ADD CONSTRAINT guardianships_pkey PRIMARY KEY (child_id, guardian_id);
