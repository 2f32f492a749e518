#!/bin/sh
# Runs once, when the database's volume is new: the application's user, which
# owns its database, and pgveil's own, a member of it and no superuser.
set -eu
psql --set=ON_ERROR_STOP=1 --username=postgres \
	--set=odoo="$ODOO_PASSWORD" --set=service="$PGVEIL_SERVICE_PASSWORD" <<'SQL'
CREATE ROLE odoo LOGIN CREATEDB PASSWORD :'odoo';
CREATE ROLE pgveil LOGIN PASSWORD :'service' IN ROLE odoo;
CREATE DATABASE odoo OWNER odoo TEMPLATE template0 LC_COLLATE 'C' ENCODING 'UTF8';
GRANT CREATE ON DATABASE odoo TO pgveil;
SQL
