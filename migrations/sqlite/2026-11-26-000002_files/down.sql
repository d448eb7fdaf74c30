DROP TABLE doomed_objects;
DROP TABLE content_files;
