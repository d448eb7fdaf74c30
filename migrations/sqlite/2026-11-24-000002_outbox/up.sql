-- E-mails that are to be sent, are sent or cannot be. The text is made when it is sent, from what is recorded then; the
-- template is the one that the group had when the member joined.
CREATE TABLE outbox (
    id              INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    membership_id   INTEGER NOT NULL UNIQUE REFERENCES memberships (id),
    template        TEXT NOT NULL,
    not_before      TEXT NOT NULL CHECK (date(not_before) IS not_before),
    state           TEXT NOT NULL DEFAULT 'PENDING' CHECK (state IN ('PENDING', 'SENT', 'DEAD', 'SKIPPED')),
    attempts        INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_attempt_at TEXT NOT NULL,
    last_error      TEXT,
    created_at      TEXT NOT NULL,
    settled_at      TEXT
);
CREATE INDEX outbox_due ON outbox (next_attempt_at) WHERE settled_at IS NULL;
CREATE INDEX outbox_settled ON outbox (settled_at) WHERE settled_at IS NOT NULL;
