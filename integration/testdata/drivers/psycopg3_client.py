"""psycopg 3: extended protocol, prepared statements, binary parameters and results, pipelines."""
import datetime
import decimal
import json
import os
import uuid

import psycopg
from psycopg.types.json import Jsonb

value = json.loads(os.environ["VALUES"])
BORN = datetime.date.fromisoformat(value["birthdate"])
INCOME = decimal.Decimal(value["income"])


def show(step, cursor):
    rows = [list(map(repr, row)) for row in cursor.fetchall()] if cursor.description else []
    types = [(c.name, c.type_code, c.internal_size, c.precision, c.scale) for c in cursor.description or []]
    print(json.dumps({"step": step, "status": cursor.statusmessage, "types": types, "rows": rows}))


conn = psycopg.connect(os.environ["DSN"])
for binary in (False, True):
    first = 10 if binary else 0
    cur = conn.cursor(binary=binary)
    cur.execute(
        "INSERT INTO people (id, name, email, birthdate, income, active, doc, tag) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING *",
        (first + 1, value["name"], value["email"], BORN, INCOME, False, Jsonb({"k": [1, 2.5]}), uuid.UUID(value["uuid"])),
    )
    show("insert", cur)
    cur.execute("INSERT INTO people (id, name, birthdate) VALUES (%b, %b, %b)", (first + 2, "Second", BORN))
    show("insert with binary parameters", cur)
    for _ in range(7):  # after the fifth the driver prepares it by itself
        cur.execute("SELECT * FROM people WHERE email = %s", (value["email"],))
    show("find", cur)
    cur.execute("SELECT id, birthdate, income FROM people WHERE birthdate = %s AND income = %s", (BORN, INCOME), prepare=True)
    show("find by date", cur)
    cur.execute("SELECT id FROM people WHERE birthdate = %b", (BORN,))
    show("find by binary date", cur)
    cur.execute("SELECT id FROM people WHERE email = ANY(%s)", ([value["email"], None],))
    show("find any", cur)
    cur.execute("UPDATE people SET email = %s, income = %b WHERE name = %s", (value["email2"], INCOME, value["name"]))
    show("update", cur)
    cur.execute("SELECT * FROM people ORDER BY id")
    show("read back", cur)
    conn.rollback()

with conn.pipeline():
    a = conn.execute("INSERT INTO people (id, name, email) VALUES (%s, %s, %s) RETURNING id", (30, value["name"], value["email"]))
    b = conn.execute("SELECT name, email FROM people WHERE email = %s", (value["email"],))
    c = conn.execute("SELECT 1 AS plain")
    show("pipeline insert", a)
    show("pipeline find", b)
    show("pipeline plain", c)
conn.commit()

try:
    with conn.pipeline():
        a = conn.execute("SELECT 'before' AS v")
        b = conn.execute("INSERT INTO people (id, name) VALUES (%s, %s)", (30, value["name"]))
        c = conn.execute("SELECT 'never' AS v")
except psycopg.errors.UniqueViolation as e:
    print(json.dumps({"step": "pipeline error", "state": e.sqlstate, "constraint": e.diag.constraint_name}))
conn.rollback()
cur = conn.cursor()
cur.execute("SELECT * FROM people ORDER BY id")
show("at last", cur)
conn.close()
