-- E-mails that are to be sent, are sent or cannot be. The text is made when it is sent, from what is recorded then; the
-- template is the one that the group had when the member joined.
CREATE TABLE outbox (
    id              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    membership_id   BIGINT NOT NULL UNIQUE REFERENCES memberships (id),
    template        TEXT NOT NULL,
    not_before      DATE NOT NULL,
    state           TEXT NOT NULL DEFAULT 'PENDING' CHECK (state IN ('PENDING', 'SENT', 'DEAD', 'SKIPPED')),
    attempts        INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_attempt_at TIMESTAMP NOT NULL,
    last_error      TEXT,
    created_at      TIMESTAMP NOT NULL,
    settled_at      TIMESTAMP
);
CREATE INDEX outbox_due ON outbox (next_attempt_at) WHERE settled_at IS NULL;
CREATE INDEX outbox_settled ON outbox (settled_at) WHERE settled_at IS NOT NULL;
