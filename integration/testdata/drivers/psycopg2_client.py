"""psycopg2: values are written into the text by the driver, simple protocol."""
import json
import os

import psycopg2
import psycopg2.extras

value = json.loads(os.environ["VALUES"])


def show(step, cursor):
    rows = [list(map(repr, row)) for row in cursor.fetchall()] if cursor.description else []
    types = [(c.name, c.type_code, c.internal_size, c.precision, c.scale) for c in cursor.description or []]
    print(json.dumps({"step": step, "status": cursor.statusmessage, "types": types, "rows": rows}))


conn = psycopg2.connect(os.environ["DSN"])
cur = conn.cursor()
cur.execute(
    "INSERT INTO people (id, name, email, birthdate, income, active, doc, tag) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id, name",
    (1, value["name"], value["email"], value["birthdate"], value["income"], True, psycopg2.extras.Json({"k": [1, 2.5]}), value["uuid"]),
)
show("insert", cur)
psycopg2.extras.execute_values(cur, "INSERT INTO people (id, name, email) VALUES %s", [(2, "Second", None), (3, "it's \\ third", "")])
show("insert many", cur)
conn.commit()

cur.execute("SELECT * FROM people WHERE email = %s", (value["email"],))
show("find", cur)
cur.execute("SELECT id, birthdate, income FROM people WHERE birthdate = %s AND email IN %s", (value["birthdate"], (value["email"], "x")))
show("find by date", cur)
cur.execute("SELECT id FROM people WHERE email = ANY(%s)", ([value["email"], None],))
show("find any", cur)

cur.execute("UPDATE people SET email = %s WHERE name = %s", (value["email2"], value["name"]))
show("update", cur)
cur.execute("SELECT id, name, email FROM people ORDER BY id")
show("read back", cur)
conn.rollback()
cur.execute("SELECT id, name, email, birthdate, income, active, doc, tag FROM people ORDER BY id")
show("after rollback", cur)

try:
    cur.execute("INSERT INTO people (id, name) VALUES (1, %s)", (value["name"],))
except psycopg2.errors.UniqueViolation as e:
    print(json.dumps({"step": "duplicate", "state": e.pgcode, "constraint": e.diag.constraint_name}))
conn.rollback()
conn.close()
