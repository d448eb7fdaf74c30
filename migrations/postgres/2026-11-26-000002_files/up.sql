-- Files of content. What is in them is kept in a store of objects, under keys that cannot be guessed.
CREATE TABLE content_files (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    content_id  BIGINT NOT NULL REFERENCES content (id),
    position    BIGINT NOT NULL,
    name        TEXT NOT NULL CHECK (name <> ''),
    caption     TEXT,
    media_type  TEXT NOT NULL,
    size        BIGINT NOT NULL CHECK (size >= 0),
    sha256      TEXT NOT NULL,
    width       BIGINT,
    height      BIGINT,
    object_key  TEXT NOT NULL UNIQUE,
    preview_key TEXT UNIQUE,
    created_by  TEXT NOT NULL,
    created_at  TIMESTAMP NOT NULL
);
CREATE INDEX content_files_by_content ON content_files (content_id, position, id);

-- Objects that are to be removed from a moment on: those of uploads that were never finished, and of files that are gone.
-- An upload is noted here before its object is written, and forgotten together with the commit of its file.
CREATE TABLE doomed_objects (
    object_key TEXT PRIMARY KEY,
    since      TIMESTAMP NOT NULL
);
CREATE INDEX doomed_objects_by_moment ON doomed_objects (since);
