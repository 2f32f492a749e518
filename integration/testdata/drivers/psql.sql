-- What a person types into psql. The values come in as variables.
\set ON_ERROR_STOP 1
\pset null <NULL>
INSERT INTO people (id, name, email, birthdate, income, active, doc, tag)
VALUES (1, :'name', :'email', :'birthdate', :'income', true, '{"k": [1, 2.50]}', :'uuid');
INSERT INTO people (id, name) VALUES (2, 'Second') RETURNING id, name, email;
SELECT * FROM people WHERE email = :'email' \gdesc
SELECT * FROM people WHERE email = :'email';
SELECT id, birthdate, income FROM people WHERE birthdate = :'birthdate' AND income = :income;
UPDATE people SET email = :'email2', income = income WHERE name = :'name';
SELECT name, email, tag FROM people WHERE email IN (:'email2', 'x');
BEGIN;
DELETE FROM people WHERE email = :'email2';
SELECT count(*) FROM people;
ROLLBACK;
SELECT * FROM people ORDER BY id;
\x
SELECT * FROM people WHERE id = 1;
