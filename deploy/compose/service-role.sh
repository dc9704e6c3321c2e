#!/bin/sh
# PostgreSQL's image runs this once, when it makes the database: the role that `serve` runs as.
set -eu
password=$(cat /run/secrets/service-password)
psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --set ON_ERROR_STOP=1 \
    --set password="$password" <<'SQL'
CREATE ROLE vetassist_service LOGIN PASSWORD :'password';
SQL
