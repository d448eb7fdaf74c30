DROP TABLE sign_up_entries;
DROP TABLE conversation_slots;
