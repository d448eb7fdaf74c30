-- The country of a postal address, as it is written on an envelope. Its other parts were there already.
ALTER TABLE participants ADD COLUMN country TEXT;
