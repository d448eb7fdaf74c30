DROP TABLE content_links;
DROP TABLE content;
DELETE FROM history WHERE entity = 'CONTENT';
