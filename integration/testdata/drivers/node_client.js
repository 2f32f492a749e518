// node-postgres: parameters, named statements, text and binary results.
const { Client, types } = require('pg');

const value = JSON.parse(process.env.VALUES);
for (const oid of [1082, 1114, 1184]) types.setTypeParser(oid, (v) => v);

const printable = (v) => (Buffer.isBuffer(v) ? v.toString('hex') : v);

function show(step, result) {
  console.log(JSON.stringify({
    step,
    status: `${result.command} ${result.rowCount}`,
    types: result.fields.map((f) => [f.name, f.dataTypeID, f.dataTypeSize, f.dataTypeModifier]),
    rows: result.rows.map((row) => row.map(printable)),
  }));
}

async function main() {
  const client = new Client({ connectionString: process.env.DSN });
  await client.connect();
  const run = async (step, text, values, more) => show(step, await client.query({ text, values, rowMode: 'array', ...more }));

  await run('insert', 'INSERT INTO people (id, name, email, birthdate, income, active, doc, tag) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id, name, birthdate',
    [1, value.name, value.email, value.birthdate, value.income, true, JSON.stringify({ k: [1, 2.5] }), value.uuid]);
  await run('insert simple', "INSERT INTO people (id, name) VALUES (2, 'Second')");
  await run('find', 'SELECT * FROM people WHERE email = $1', [value.email]);
  for (let i = 0; i < 2; i++) {
    await run('find named', 'SELECT id, name, email FROM people WHERE email = $1', [value.email], { name: 'by-email' });
  }
  await run('find binary', 'SELECT id, name, birthdate, active FROM people WHERE birthdate = $1', [value.birthdate], { binary: true });
  await run('find any', 'SELECT id FROM people WHERE email = ANY($1)', [[value.email, null]]);
  await run('update', 'UPDATE people SET email = $1 WHERE name = $2', [value.email2, value.name]);
  await run('find named again', 'SELECT id, name, email FROM people WHERE email = $1', [value.email2], { name: 'by-email' });
  await run('read back', 'SELECT * FROM people ORDER BY id');
  try {
    await client.query('INSERT INTO people (id, name) VALUES (1, $1)', [value.name]);
  } catch (e) {
    console.log(JSON.stringify({ step: 'duplicate', state: e.code, constraint: e.constraint }));
  }
  await client.end();
}

main().catch((e) => {
  console.error(e);
  process.exit(1);
});
