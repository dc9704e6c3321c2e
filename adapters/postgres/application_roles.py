"""Application roles: the privileges that the running service needs, and no others."""

from typing import Any, Final

import psycopg
from psycopg import sql

_READ: Final = ("SELECT",)
# Rows of these tables are evidence. The service can't change them.
_ADD: Final = ("SELECT", "INSERT")
_WRITE: Final = ("SELECT", "INSERT", "UPDATE")
_WRITE_AND_DELETE: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")
#: The privileges of the service on each table.
PRIVILEGES: Final = {
    "vetassist_users": _WRITE,
    "vetassist_va_identities": _WRITE_AND_DELETE,
    "vetassist_va_tokens": _WRITE_AND_DELETE,
    "vetassist_va_replaced_tokens": _WRITE_AND_DELETE,
    "vetassist_va_revocations": _WRITE_AND_DELETE,
    "vetassist_sessions": _WRITE_AND_DELETE,
    "vetassist_handoffs": _WRITE_AND_DELETE,
    "vetassist_login_attempts": _WRITE_AND_DELETE,
    "vetassist_service_clients": _WRITE,
    "vetassist_front_ends": _WRITE,
    "vetassist_used_assertions": _WRITE_AND_DELETE,
    "vetassist_auth_audit": _ADD,
    "vetassist_audit_batches": _ADD,
    "vetassist_audit_leaves": _ADD,
    "vetassist_audit_exports": _ADD,
    # Only the owner drops months.
    "vetassist_audit_drops": _READ,
    "vetassist_timelines": _ADD,
    "vetassist_outages": ("SELECT", "INSERT", "DELETE"),
    "vetassist_application_roles": (),
    "vetassist_schema_migrations": _READ,
}
#: Columns that the service can't set. Their defaults give a row its place in the audit trail.
LEFT_TO_DEFAULTS: Final = {"vetassist_auth_audit": ("id", "transaction_id", "row_number")}
_COLUMNS: Final = """
SELECT attname FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND NOT attname = ANY(%s)
ORDER BY attnum
"""
_REMEMBER: Final = """
INSERT INTO vetassist_application_roles (name) VALUES (%s) ON CONFLICT DO NOTHING
"""
_REMEMBERED: Final = """
SELECT name FROM vetassist_application_roles JOIN pg_roles ON rolname = name ORDER BY name
"""
_ROLE: Final = """
SELECT rolsuper, pg_has_role(rolname, current_user, 'MEMBER') AND NOT rolsuper AS is_owner
FROM pg_roles WHERE rolname = %s
"""
_TABLES: Final = r"""
SELECT c.relname FROM pg_class AS c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
  AND c.relname LIKE 'vetassist\_%'
"""
_SEQUENCES: Final = r"""
SELECT c.relname FROM pg_class AS c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'S'
  AND EXISTS (
      SELECT FROM pg_depend AS d JOIN pg_class AS t ON t.oid = d.refobjid
      WHERE d.objid = c.oid AND d.deptype IN ('a', 'i') AND t.relname LIKE 'vetassist\_%'
  )
"""
#: Functions that the service calls.
FUNCTIONS: Final = (
    "vetassist_make_audit_partitions",
    "vetassist_audit_rows_of_no_month",
    # Indexes call it for whoever writes a row.
    "vetassist_folded",
)
_MAY_CREATE: Final = "SELECT has_schema_privilege(%s, current_schema(), 'CREATE')"


class RoleError(Exception):
    """A role can't be an application role. The message says why, in one line."""


def remember_application_role(connection: psycopg.Connection[Any], role: str) -> bool:
    """Records an application role. Creates it, without a password, if it doesn't exist.

    Returns:
        Whether the role is new in the records.

    Raises:
        RoleError: The role owns the schema or is a superuser, so grants don't limit it.
    """
    found = connection.execute(_ROLE, (role,)).fetchone()
    if found is None:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
    elif any(found):
        raise RoleError(
            f"{role} owns the schema or is a superuser: the application needs another role"
        )
    return connection.execute(_REMEMBER, (role,)).rowcount > 0


def grant_application_roles(connection: psycopg.Connection[Any]) -> None:
    """Grants each application role what it needs on the current schema, and revokes the rest.

    Raises:
        RoleError: A role can still create tables in the schema.
    """
    for role in _names(connection, _REMEMBERED):
        _grant(connection, role)


def _grant(connection: psycopg.Connection[Any], role: str) -> None:
    row = connection.execute("SELECT current_database(), current_schema()").fetchone()
    database, schema = row or ("", "")
    _execute(connection, "GRANT CONNECT ON DATABASE {} TO {}", database, role)
    _execute(connection, "REVOKE CREATE ON SCHEMA {} FROM {}", schema, role)
    _execute(connection, "GRANT USAGE ON SCHEMA {} TO {}", schema, role)
    for table in _names(connection, _TABLES):
        _execute(connection, "REVOKE ALL ON TABLE {} FROM {}", table, role)
        # The service reaches partitions only through their parent table.
        for privilege in PRIVILEGES.get(table, ()):
            if privilege == "INSERT" and table in LEFT_TO_DEFAULTS:
                _grant_insert(connection, table, role)
            else:
                _execute(connection, f"GRANT {privilege} ON TABLE {{}} TO {{}}", table, role)
    for sequence in _names(connection, _SEQUENCES):
        _execute(connection, "REVOKE ALL ON SEQUENCE {} FROM {}", sequence, role)
        _execute(connection, "GRANT USAGE ON SEQUENCE {} TO {}", sequence, role)
    for function in FUNCTIONS:
        _execute(connection, "GRANT EXECUTE ON FUNCTION {} TO {}", function, role)
    # In databases created by PostgreSQL 14 or older, every role can create tables. One could take
    # the name of a future partition.
    if connection.execute(_MAY_CREATE, (role,)).fetchone() == (True,):
        raise RoleError(
            f"{role} may create tables in the schema {schema}, through PUBLIC or another role: "
            f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, then migrate again"
        )


def _grant_insert(connection: psycopg.Connection[Any], table: str, role: str) -> None:
    """Grants INSERT on all columns except those in ``LEFT_TO_DEFAULTS``."""
    left = list(LEFT_TO_DEFAULTS[table])
    found = connection.execute(_COLUMNS, (table, left)).fetchall()
    columns = [row[0] for row in found]
    places = ", ".join(["{}"] * len(columns))
    _execute(connection, f"GRANT INSERT ({places}) ON TABLE {{}} TO {{}}", *columns, table, role)


def _names(connection: psycopg.Connection[Any], query: str) -> list[str]:
    return [row[0] for row in connection.execute(query.encode()).fetchall()]


def _execute(connection: psycopg.Connection[Any], statement: str, *names: str) -> None:
    # The statements are constants of this module, and every name is quoted.
    query = sql.SQL(statement)
    connection.execute(query.format(*map(sql.Identifier, names)))
