-- Who answered a survey: once.
CREATE TABLE survey_responses (
    id             BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    content_id     BIGINT NOT NULL REFERENCES content (id),
    participant_id BIGINT NOT NULL REFERENCES participants (id),
    answered_by    TEXT NOT NULL,
    created_at     TIMESTAMP NOT NULL,
    UNIQUE (content_id, participant_id)
);
CREATE INDEX survey_responses_by_participant ON survey_responses (participant_id);

-- What was answered. In anonymous surveys an answer points to no response, and its key is random, so that neither it nor
-- its place tells whose it is. A choice is the place of an option, or the number on a scale.
CREATE TABLE survey_answers (
    id          TEXT COLLATE "C" PRIMARY KEY,
    content_id  BIGINT NOT NULL REFERENCES content (id),
    response_id BIGINT REFERENCES survey_responses (id),
    question    BIGINT NOT NULL,
    choice      BIGINT,
    answer      TEXT,
    CHECK ((choice IS NULL) <> (answer IS NULL))
);
CREATE INDEX survey_answers_by_question ON survey_answers (content_id, question, choice);
CREATE INDEX survey_answers_by_response ON survey_answers (response_id) WHERE response_id IS NOT NULL;

-- Topics, and replies to them. What was removed keeps its place and loses its text.
CREATE TABLE discussion_posts (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    content_id   BIGINT NOT NULL REFERENCES content (id),
    topic_id     BIGINT REFERENCES discussion_posts (id),
    title        TEXT,
    body         TEXT NOT NULL,
    author_id    BIGINT REFERENCES participants (id),
    author_key   TEXT NOT NULL,
    author_name  TEXT NOT NULL,
    created_at   TIMESTAMP NOT NULL,
    edited_at    TIMESTAMP,
    removed_at   TIMESTAMP,
    removed_by   TEXT,
    closed_at    TIMESTAMP,
    last_post_at TIMESTAMP,
    CHECK ((topic_id IS NULL) = (title IS NOT NULL)),
    CHECK ((topic_id IS NULL) = (last_post_at IS NOT NULL)),
    CHECK (removed_at IS NULL OR body = '')
);
CREATE INDEX discussion_topics ON discussion_posts (content_id, last_post_at, id) WHERE topic_id IS NULL;
CREATE INDEX discussion_replies ON discussion_posts (topic_id, id) WHERE topic_id IS NOT NULL;
