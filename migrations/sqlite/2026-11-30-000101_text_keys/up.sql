-- What people type is compared by keys that the gateway makes, the same on both databases. They are null where nothing was
-- typed, and made for the rows that are there by the program that applies this.
ALTER TABLE participants ADD COLUMN email_key TEXT;
ALTER TABLE participants ADD COLUMN postal_key TEXT;
ALTER TABLE participants ADD COLUMN city_key TEXT;
ALTER TABLE participants ADD COLUMN complex_key TEXT;
ALTER TABLE participants ADD COLUMN dwelling_key TEXT;
DROP INDEX participants_by_email;
CREATE INDEX participants_by_email ON participants (email_key) WHERE email_key IS NOT NULL;
-- Each holds the order of names too, so that a page of a list is read from where it begins.
CREATE INDEX participants_by_postal_code ON participants (postal_key, sort_key, id) WHERE postal_key IS NOT NULL;
CREATE INDEX participants_by_city ON participants (city_key, sort_key, id) WHERE city_key IS NOT NULL;
CREATE INDEX participants_by_complex ON participants (complex_key, sort_key, id) WHERE complex_key IS NOT NULL;
CREATE INDEX participants_by_dwelling ON participants (dwelling_key, sort_key, id) WHERE dwelling_key IS NOT NULL;

-- By which way of folding the stored keys were made; 0 when they were not looked at yet.
CREATE TABLE stored_keys (
    singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
    version   BIGINT NOT NULL
);
INSERT INTO stored_keys (singleton, version) VALUES (1, 0);

-- A filter without conditions said by itself that everybody is meant; now it has to say so in words.
UPDATE groups SET member_filter = '{"everybody":true}' WHERE member_filter = '{}';
