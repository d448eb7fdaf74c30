-- Tokens that open nothing any more (I2): one of them, or all that a participant or a program was given up to a moment. After
-- `until` no such token is valid anyway. Rows are added and deleted, never changed: their number and the sum of their ids tell
-- whether anything was withdrawn since.
CREATE TABLE token_withdrawals (
    id              INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    token_id        TEXT CHECK (token_id <> ''),
    participant_id  INTEGER REFERENCES participants (id),
    program         TEXT CHECK (program <> ''),
    issued_until    TEXT NOT NULL,
    until           TEXT NOT NULL,
    withdrawn_by_id INTEGER REFERENCES participants (id),
    withdrawn_by    TEXT NOT NULL,
    CHECK ((token_id IS NOT NULL) + (participant_id IS NOT NULL) + (program IS NOT NULL) = 1)
);
CREATE INDEX token_withdrawals_by_token ON token_withdrawals (token_id) WHERE token_id IS NOT NULL;
CREATE INDEX token_withdrawals_by_participant ON token_withdrawals (participant_id) WHERE participant_id IS NOT NULL;
CREATE INDEX token_withdrawals_by_program ON token_withdrawals (program) WHERE program IS NOT NULL;
CREATE INDEX token_withdrawals_by_withdrawer ON token_withdrawals (withdrawn_by_id) WHERE withdrawn_by_id IS NOT NULL;
CREATE INDEX token_withdrawals_over ON token_withdrawals (until);
