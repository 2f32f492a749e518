package cli

const helpRoot = `pgveil is a PostgreSQL proxy that seals the columns a policy protects.

Usage:
    pgveil COMMAND [OPTIONS]

Commands:
    serve      run the proxy
    check      compare the policy with the database
    apply      bring the database to what the policy says: keys, types, indexes,
               guards, and every existing row
    explain    show what would be sent for a statement, or why not
    lint       show what would become of the statements of a log or a script
    keys       list or create keys
    schema     print the JSON Schema of the policy or the configuration
    version    print the version
    help       help for a command

Exit codes: 0 done; 1 ran and failed; 2 usage or configuration.

Example:
    $ pgveil keys create && pgveil check && pgveil apply && pgveil serve
`

const helpConfig = `    --config FILE       the configuration (default: $PGVEIL_CONFIG, pgveil.yaml)
    --server ADDRESS    the PostgreSQL server, instead of the file's
`

const helpServe = `Run the proxy until SIGINT or SIGTERM. Idle sessions are then told to go, busy
ones may finish for a while; a second signal ends at once.

Usage:
    pgveil serve [OPTIONS]

Options:
` + helpConfig + `    --listen ADDRESS    where clients connect, instead of the file's; may be repeated
    --log-format FORMAT json or console (default: json)
    --log-level LEVEL   debug, info, warn or error (default: info)

A flag stands over a variable, a variable over the file: PGVEIL_LISTEN,
PGVEIL_SERVER_ADDRESS, PGVEIL_SERVER_TLS, PGVEIL_SERVICE_USER,
PGVEIL_ADMIN_LISTEN.

Example:
    $ PGVEIL_PASSPHRASE="$(cat passphrase)" pgveil serve --config pgveil.yaml
`

const helpCheck = `Check the configuration and the policies, then compare each policy with its
database. Nothing is changed. Findings go to stdout; the exit code is 1 if one
of them is an error.

Usage:
    pgveil check [OPTIONS]

Options:
` + helpConfig + `    --database NAME     this database only; needed for "*"
    --offline           the files only, without a server

Example:
    $ pgveil check --offline
    $ pgveil check --config pgveil.yaml
`

const helpApply = `Bring each database to what its policy says: keys, column types, indexes,
unique constraints, guards, and every existing row. It can be interrupted and
run again. Statements over a column are refused until it is done.

Usage:
    pgveil apply [OPTIONS]

Options:
` + helpConfig + `    --database NAME     this database only; needed for "*"

Example:
    $ pgveil apply --config pgveil.yaml
`

const helpExplain = `Show what would be sent to the server for a statement, with marks where values
are sealed, or why it would be refused. Nothing is executed.

Usage:
    pgveil explain [OPTIONS] 'SQL'

Options:
` + helpConfig + `    --database NAME     needed if there are several
    --user NAME         as this database user (default: the service user)
    --search-path PATH  with this search_path (default: "$user", public)

Example:
    $ pgveil explain --user odoo "SELECT name FROM res_partner WHERE phone = '+2519'"
`

const helpLint = `Read the statements that an application sends, and show for each whether it
would be forwarded, rewritten or refused, and why: before going live, or before
an upgrade. Nothing is sent to the server but questions about its catalog, and
nothing at all with --schema. Columns count as sealed, whether or not
pgveil apply has run.

Statements that differ in literals only count as one, and are shown without
their literals. The exit code is 0 if no statement is refused, 1 if one is.

Usage:
    pgveil lint [OPTIONS] FILE
    pgveil lint [OPTIONS] -          (standard input)

Options:
` + helpConfig + `    --database NAME     needed if there are several; statements that the input says
                        were sent to another are left out
    --user NAME         the database user who sends them (default: the service user)
    --search-path PATH  with this search_path (default: "$user", public)
    --input FORMAT      what the file holds, gzipped or not (default: found out):
                          lines               one statement a line
                          script              as psql reads it
                          log                 PostgreSQL's log (log_statement = all)
                          csvlog              the same as CSV
                          pg_stat_statements  as CSV with a head, or from psql -A
                          jsonl               objects with a key sql or query
    --format FORMAT     text or json (default: text)
    --only VERDICT      list these only: forwarded, rewritten, refused; may be repeated
    --show-literals     show values

Without a server:
    --schema FILE       CREATE statements, such as pg_dump --schema-only writes
    --policy FILE       instead of a configuration; needs --user
    --member-of ROLE    a database role that the user is a member of; may be repeated

Example:
    $ pg_dump --schema-only registry > schema.sql
    $ pgveil lint --schema schema.sql --policy policy.yaml --user odoo postgresql.log
    $ psql --csv -c 'SELECT calls, query FROM pg_stat_statements' |
      pgveil lint --only refused --user odoo -
`

const helpKeys = `List or create keys.

Usage:
    pgveil keys list [OPTIONS]
    pgveil keys create [OPTIONS]

Example:
    $ pgveil keys create && pgveil keys list
`

const helpKeysList = `List the keys of each database: keyset, purpose, version, state, and the root
key that wraps them. Key bytes are never shown.

Usage:
    pgveil keys list [OPTIONS]

Options:
` + helpConfig + `    --database NAME     this database only; needed for "*"

Example:
    $ pgveil keys list
`

const helpKeysCreate = `Create the root key with the custodian of the configuration unless it is there,
and the keysets that the policies name, in each database. What is there already
stays as it is.

Without the root key nothing that was sealed can be opened again: back it up.

Usage:
    pgveil keys create [OPTIONS]

Options:
` + helpConfig + `    --database NAME     this database only; needed for "*"

Example:
    $ PGVEIL_PASSPHRASE="$(cat passphrase)" pgveil keys create
`

const helpSchema = `Print the JSON Schema (draft 2020-12) of a file that pgveil reads, for editors.

Usage:
    pgveil schema policy
    pgveil schema config

Example:
    $ pgveil schema policy > policy.schema.json
`

const helpVersion = `Print the version.

Usage:
    pgveil version

Example:
    $ pgveil version
`
