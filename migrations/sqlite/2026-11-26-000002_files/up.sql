-- Files of content. What is in them is kept in a store of objects, under keys that cannot be guessed.
CREATE TABLE content_files (
    id          INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    content_id  INTEGER NOT NULL REFERENCES content (id),
    position    INTEGER NOT NULL,
    name        TEXT NOT NULL CHECK (name <> ''),
    caption     TEXT,
    media_type  TEXT NOT NULL,
    size        INTEGER NOT NULL CHECK (size >= 0),
    sha256      TEXT NOT NULL,
    width       INTEGER,
    height      INTEGER,
    object_key  TEXT NOT NULL UNIQUE,
    preview_key TEXT UNIQUE,
    created_by  TEXT NOT NULL,
    created_at  TEXT NOT NULL
);
CREATE INDEX content_files_by_content ON content_files (content_id, position, id);

-- Objects that are to be removed from a moment on: those of uploads that were never finished, and of files that are gone.
-- An upload is noted here before its object is written, and forgotten together with the commit of its file.
CREATE TABLE doomed_objects (
    object_key TEXT PRIMARY KEY NOT NULL,
    since      TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX doomed_objects_by_moment ON doomed_objects (since);
