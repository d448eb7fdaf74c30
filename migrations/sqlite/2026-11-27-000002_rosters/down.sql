DROP TABLE roster_imports;
DROP TABLE roster_groups;
DROP TABLE roster_people;
