-- Who answered a survey: once.
CREATE TABLE survey_responses (
    id             INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    content_id     INTEGER NOT NULL REFERENCES content (id),
    participant_id INTEGER NOT NULL REFERENCES participants (id),
    answered_by    TEXT NOT NULL,
    created_at     TEXT NOT NULL,
    UNIQUE (content_id, participant_id)
);
CREATE INDEX survey_responses_by_participant ON survey_responses (participant_id);

-- What was answered. In anonymous surveys an answer points to no response, and its key is random, so that neither it nor
-- its place tells whose it is. A choice is the place of an option, or the number on a scale.
CREATE TABLE survey_answers (
    id          TEXT PRIMARY KEY NOT NULL,
    content_id  INTEGER NOT NULL REFERENCES content (id),
    response_id INTEGER REFERENCES survey_responses (id),
    question    INTEGER NOT NULL,
    choice      INTEGER,
    answer      TEXT,
    CHECK ((choice IS NULL) <> (answer IS NULL))
) WITHOUT ROWID;
CREATE INDEX survey_answers_by_question ON survey_answers (content_id, question, choice);
CREATE INDEX survey_answers_by_response ON survey_answers (response_id) WHERE response_id IS NOT NULL;

-- Topics, and replies to them. What was removed keeps its place and loses its text.
CREATE TABLE discussion_posts (
    id           INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    content_id   INTEGER NOT NULL REFERENCES content (id),
    topic_id     INTEGER REFERENCES discussion_posts (id),
    title        TEXT,
    body         TEXT NOT NULL,
    author_id    INTEGER REFERENCES participants (id),
    author_key   TEXT NOT NULL,
    author_name  TEXT NOT NULL,
    created_at   TEXT NOT NULL,
    edited_at    TEXT,
    removed_at   TEXT,
    removed_by   TEXT,
    closed_at    TEXT,
    last_post_at TEXT,
    CHECK ((topic_id IS NULL) = (title IS NOT NULL)),
    CHECK ((topic_id IS NULL) = (last_post_at IS NOT NULL)),
    CHECK (removed_at IS NULL OR body = '')
);
CREATE INDEX discussion_topics ON discussion_posts (content_id, last_post_at, id) WHERE topic_id IS NULL;
CREATE INDEX discussion_replies ON discussion_posts (topic_id, id) WHERE topic_id IS NOT NULL;
