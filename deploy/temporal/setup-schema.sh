#!/bin/sh
# Creates Temporal's two databases and brings their schemas to the version of this image. Every step leaves a
# finished database alone, so it runs before each start and carries out the upgrade when the image tag moves.
#
# Reads POSTGRES_SEEDS, POSTGRES_USER and, through temporal-sql-tool itself, SQL_PASSWORD: a password on the command
# line would show in every process list.
set -eu

: "${POSTGRES_SEEDS:?}" "${POSTGRES_USER:?}" "${SQL_PASSWORD:?}"

# The server puts the password between double quotes into its configuration (YAML), and into the address of the database:
# with one of these the schema would be made or the server would never start. All else stands for itself between the
# quotes, a leading * & ! % @ { included.
case "$SQL_PASSWORD" in
  *[\"\'\\[:space:][:cntrl:]\#]*)
    echo "TEMPORAL_DB_PASSWORD must not hold quotes, backslashes, blanks, control characters or #: choose another one" >&2
    exit 1
    ;;
esac

sql_tool() {
  temporal-sql-tool --plugin postgres12 --endpoint "$POSTGRES_SEEDS" --port "${DB_PORT:-5432}" \
    --user "$POSTGRES_USER" "$@"
}

prepare() {
  database=$1
  schema=$2
  echo "temporal schema: $database"
  sql_tool --database "$database" create-database
  # 0.0 only adds the version tables. A database that is further on keeps its version.
  sql_tool --database "$database" setup-schema --version 0.0
  sql_tool --database "$database" update-schema --schema-dir "/etc/temporal/schema/postgresql/v12/$schema/versioned"
}

prepare temporal temporal
prepare temporal_visibility visibility
