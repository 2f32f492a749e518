package proxy

import (
	"testing"
)

// stepSchema is what the tests of steps read from.
const stepSchema = `
CREATE TABLE import (id int PRIMARY KEY, who varchar(30), born date, tel text, pay float8, raw jsonb);
INSERT INTO import VALUES (1, 'Almaz', '1990-02-03', '+251-1', 10.456, '{"a": 1}'), (2, NULL, NULL, '+251-2', NULL, NULL), (3, '', '2001-12-31', '+251-3', 7, '[]')`

func startSteps(t *testing.T) *sealed {
	t.Helper()
	s := startSealed(t)
	must(t, s.direct(), stepSchema, "GRANT ALL ON import TO public")
	if err := s.db.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStep_insertsWhatTheServerComputes(t *testing.T) {
	s := startSteps(t)
	c := s.as("officer")
	check(t, c, "INSERT INTO people (id, name, birth, income, city) SELECT id, who, born, pay, 'x' FROM import ORDER BY id RETURNING id, name", "1|Almaz/2|-/3|")
	check(t, c, "SELECT id, name, birth, income, city FROM people ORDER BY id",
		"1|Almaz|1990-02-03|10.46|x/2|-|-|-|x/3||2001-12-31|7.00|x")
}
