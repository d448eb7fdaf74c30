-- What belongs to a child, a group and a school year, and is erased at the year's transition. A school year is the
-- calendar year in which it begins. Nothing of it is written to the history, which would outlive it.
CREATE TABLE absence_reports (
    id             INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    participant_id INTEGER NOT NULL REFERENCES participants (id),
    group_id       INTEGER NOT NULL REFERENCES groups (id),
    school_year    INTEGER NOT NULL,
    date           TEXT NOT NULL CHECK (date(date) IS date),
    reason         TEXT CHECK (reason <> ''),
    made_by_id     INTEGER REFERENCES participants (id),
    made_by_name   TEXT NOT NULL,
    created_at     TEXT NOT NULL,
    UNIQUE (participant_id, group_id, date)
);
CREATE INDEX absence_reports_by_group ON absence_reports (group_id, school_year, date, id);
CREATE INDEX absence_reports_by_maker ON absence_reports (made_by_id) WHERE made_by_id IS NOT NULL;

CREATE TABLE leave_requests (
    id              INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    participant_id  INTEGER NOT NULL REFERENCES participants (id),
    group_id        INTEGER NOT NULL REFERENCES groups (id),
    school_year     INTEGER NOT NULL,
    from_date       TEXT NOT NULL CHECK (date(from_date) IS from_date),
    until_date      TEXT NOT NULL CHECK (date(until_date) IS until_date),
    reason          TEXT NOT NULL CHECK (reason <> ''),
    status          TEXT NOT NULL DEFAULT 'REQUESTED' CHECK (status IN ('REQUESTED', 'GRANTED', 'REFUSED', 'WITHDRAWN')),
    decided_by_name TEXT,
    decided_at      TEXT,
    decision_note   TEXT CHECK (decision_note <> ''),
    made_by_id      INTEGER REFERENCES participants (id),
    made_by_name    TEXT NOT NULL,
    created_at      TEXT NOT NULL,
    CHECK (from_date <= until_date),
    CHECK ((decided_at IS NULL) = (decided_by_name IS NULL)),
    CHECK ((status = 'REQUESTED') = (decided_at IS NULL))
);
CREATE INDEX leave_requests_by_group ON leave_requests (group_id, school_year, from_date, id);
CREATE INDEX leave_requests_by_participant ON leave_requests (participant_id, from_date);
CREATE INDEX leave_requests_by_maker ON leave_requests (made_by_id) WHERE made_by_id IS NOT NULL;

CREATE TABLE lunch_stays (
    id             INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    participant_id INTEGER NOT NULL REFERENCES participants (id),
    group_id       INTEGER NOT NULL REFERENCES groups (id),
    school_year    INTEGER NOT NULL,
    date           TEXT NOT NULL CHECK (date(date) IS date),
    made_by_id     INTEGER REFERENCES participants (id),
    made_by_name   TEXT NOT NULL,
    created_at     TEXT NOT NULL,
    UNIQUE (participant_id, group_id, date)
);
CREATE INDEX lunch_stays_by_group ON lunch_stays (group_id, school_year, date, id);
CREATE INDEX lunch_stays_by_maker ON lunch_stays (made_by_id) WHERE made_by_id IS NOT NULL;

-- From one school year to the next: what is planned and what was done.
CREATE TABLE year_transitions (
    id              INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    organization_id INTEGER NOT NULL REFERENCES participants (id),
    from_year       INTEGER NOT NULL,
    effective_on    TEXT NOT NULL CHECK (date(effective_on) IS effective_on),
    status          TEXT NOT NULL DEFAULT 'PLANNED' CHECK (status IN ('PLANNED', 'SUPERSEDED', 'WITHDRAWN', 'APPLIED', 'UNDONE')),
    created_at      TEXT NOT NULL,
    created_by      TEXT NOT NULL,
    applied_at      TEXT,
    applied_by      TEXT,
    preview_token   TEXT,
    warnings        TEXT CHECK (warnings IS NULL OR json_valid(warnings)),
    last_link_id    INTEGER,
    last_history_id INTEGER,
    undone_at       TEXT,
    undone_by       TEXT,
    CHECK ((applied_at IS NOT NULL) = (status IN ('APPLIED', 'UNDONE'))),
    CHECK ((undone_at IS NOT NULL) = (status = 'UNDONE'))
);
CREATE UNIQUE INDEX year_transitions_one_plan ON year_transitions (organization_id, from_year) WHERE status = 'PLANNED';
CREATE UNIQUE INDEX year_transitions_applied_once ON year_transitions (organization_id, from_year) WHERE status = 'APPLIED';
CREATE INDEX year_transitions_by_organization ON year_transitions (organization_id, id);

-- Where the members of a group go; to no group when they leave. The figures are null until it was done.
CREATE TABLE year_transition_moves (
    transition_id INTEGER NOT NULL REFERENCES year_transitions (id),
    group_id      INTEGER NOT NULL REFERENCES groups (id),
    to_group_id   INTEGER REFERENCES groups (id),
    with_leaders  INTEGER NOT NULL DEFAULT 0 CHECK (with_leaders IN (0, 1)),
    figures       TEXT CHECK (figures IS NULL OR json_valid(figures)),
    PRIMARY KEY (transition_id, group_id)
) WITHOUT ROWID;
CREATE INDEX year_transition_moves_by_group ON year_transition_moves (group_id);
CREATE INDEX year_transition_moves_by_target ON year_transition_moves (to_group_id) WHERE to_group_id IS NOT NULL;

-- Of whom it is otherwise: in one group of the plan, or in all of them when no group is named.
CREATE TABLE year_transition_exceptions (
    id             INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    transition_id  INTEGER NOT NULL REFERENCES year_transitions (id),
    participant_id INTEGER NOT NULL REFERENCES participants (id),
    group_id       INTEGER REFERENCES groups (id),
    outcome        TEXT NOT NULL CHECK (outcome IN ('MOVES', 'STAYS', 'LEAVES')),
    to_group_id    INTEGER REFERENCES groups (id),
    CHECK ((to_group_id IS NOT NULL) = (outcome = 'MOVES'))
);
CREATE UNIQUE INDEX year_transition_exceptions_once
    ON year_transition_exceptions (transition_id, participant_id, coalesce(group_id, 0));
CREATE INDEX year_transition_exceptions_by_participant ON year_transition_exceptions (participant_id);
CREATE INDEX year_transition_exceptions_by_group ON year_transition_exceptions (group_id) WHERE group_id IS NOT NULL;
CREATE INDEX year_transition_exceptions_by_target
    ON year_transition_exceptions (to_group_id) WHERE to_group_id IS NOT NULL;

-- What became of each membership, with its end as it was before, so that it can be had back.
CREATE TABLE year_transition_members (
    transition_id        INTEGER NOT NULL REFERENCES year_transitions (id),
    membership_id        INTEGER NOT NULL REFERENCES memberships (id),
    group_id             INTEGER NOT NULL REFERENCES groups (id),
    participant_id       INTEGER NOT NULL REFERENCES participants (id),
    outcome              TEXT NOT NULL CHECK (outcome IN ('MOVES', 'STAYS', 'LEAVES')),
    to_group_id          INTEGER REFERENCES groups (id),
    before_end_date      TEXT,
    before_end_reason_id INTEGER REFERENCES end_reasons (id),
    before_end_note      TEXT,
    PRIMARY KEY (transition_id, membership_id),
    CHECK ((to_group_id IS NOT NULL) = (outcome = 'MOVES'))
) WITHOUT ROWID;
CREATE INDEX year_transition_members_by_membership ON year_transition_members (membership_id);
CREATE INDEX year_transition_members_by_participant ON year_transition_members (participant_id);
CREATE INDEX year_transition_members_by_group ON year_transition_members (group_id);
CREATE INDEX year_transition_members_by_target ON year_transition_members (to_group_id) WHERE to_group_id IS NOT NULL;
CREATE INDEX year_transition_members_by_end_reason
    ON year_transition_members (before_end_reason_id) WHERE before_end_reason_id IS NOT NULL;

-- The memberships that it made.
CREATE TABLE year_transition_starts (
    transition_id INTEGER NOT NULL REFERENCES year_transitions (id),
    membership_id INTEGER NOT NULL REFERENCES memberships (id),
    PRIMARY KEY (transition_id, membership_id)
) WITHOUT ROWID;
CREATE INDEX year_transition_starts_by_membership ON year_transition_starts (membership_id);

-- Which transition broke a link, and which made one when content was linked again.
ALTER TABLE content_links ADD COLUMN broken_by_id INTEGER REFERENCES year_transitions (id);
ALTER TABLE content_links ADD COLUMN made_by_id INTEGER REFERENCES year_transitions (id);
-- The links of a group, broken or not. Whether they are open is left out: a transition breaks many at once.
DROP INDEX content_links_by_group;
CREATE INDEX content_links_by_group ON content_links (group_id) WHERE group_id IS NOT NULL;
CREATE INDEX content_links_broken_by ON content_links (broken_by_id, id) WHERE broken_by_id IS NOT NULL;
CREATE INDEX content_links_made_by ON content_links (made_by_id, content_id) WHERE made_by_id IS NOT NULL;

-- Of members who move from one group to another during the year.
INSERT INTO start_reasons (code, label, system) VALUES ('MOVED_GROUP', 'Moved from another group', 1);
INSERT INTO end_reasons (code, label, system) VALUES ('MOVED_GROUP', 'Moved to another group', 1);
