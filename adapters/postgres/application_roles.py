"""What the role of the running service may do, and nothing more."""

from typing import Any, Final

import psycopg
from psycopg import sql

_READ: Final = ("SELECT",)
# What was once written there is evidence: nobody changes it, the service least of all.
_ADD: Final = ("SELECT", "INSERT")
_KEEP: Final = ("SELECT", "INSERT", "UPDATE")
_KEEP_AND_LET_GO: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")
#: Of each table that there is, what the service does with it.
PRIVILEGES: Final = {
    "vetassist_users": _KEEP,
    "vetassist_va_identities": _KEEP_AND_LET_GO,
    "vetassist_va_tokens": _KEEP_AND_LET_GO,
    "vetassist_va_replaced_tokens": _KEEP_AND_LET_GO,
    "vetassist_va_revocations": _KEEP_AND_LET_GO,
    "vetassist_sessions": _KEEP_AND_LET_GO,
    "vetassist_handoffs": _KEEP_AND_LET_GO,
    "vetassist_login_attempts": _KEEP_AND_LET_GO,
    "vetassist_service_clients": _KEEP,
    "vetassist_used_assertions": _KEEP_AND_LET_GO,
    "vetassist_auth_audit": _ADD,
    "vetassist_audit_batches": _ADD,
    "vetassist_audit_leaves": _ADD,
    "vetassist_audit_exports": _ADD,
    # Months are dropped by the owner.
    "vetassist_audit_drops": _READ,
    "vetassist_timelines": _ADD,
    "vetassist_outages": ("SELECT", "INSERT", "DELETE"),
    "vetassist_application_roles": (),
    "vetassist_schema_migrations": _READ,
}
#: Columns whose defaults decide where a row stands: the service takes what they give.
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
#: What the service does by the owner's rights.
FUNCTIONS: Final = ("vetassist_make_audit_partitions", "vetassist_audit_rows_of_no_month")
_MAY_CREATE: Final = "SELECT has_schema_privilege(%s, current_schema(), 'CREATE')"


class RoleError(Exception):
    """A role cannot be the application's; the text says why, in one line."""


def remember_application_role(connection: psycopg.Connection[Any], role: str) -> bool:
    """Make the role if there is none of this name (without a password), and note it.

    Returns whether it was not noted before.

    Raises:
        RoleError: It could not be held to anything.
    """
    found = connection.execute(_ROLE, (role,)).fetchone()
    if found is None:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
    elif any(found):
        raise RoleError(f"{role} owns the schema or everything: the application needs another role")
    return connection.execute(_REMEMBER, (role,)).rowcount > 0


def grant_application_roles(connection: psycopg.Connection[Any]) -> None:
    """Give each application role what it needs on what there is now, and take the rest away.

    Raises:
        RoleError: A role may make tables in the schema all the same.
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
        # A partition is reached through its table alone.
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
    # In databases of PostgreSQL 14 and before everybody may, a coming partition's name included.
    if connection.execute(_MAY_CREATE, (role,)).fetchone() == (True,):
        raise RoleError(
            f"{role} may create tables in the schema {schema}, through PUBLIC or another role: "
            f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, and migrate again"
        )


def _grant_insert(connection: psycopg.Connection[Any], table: str, role: str) -> None:
    """Let a role add rows, and say everything in them but what is left to defaults."""
    left = list(LEFT_TO_DEFAULTS[table])
    found = connection.execute(_COLUMNS, (table, left)).fetchall()
    columns = [row[0] for row in found]
    places = ", ".join(["{}"] * len(columns))
    _execute(connection, f"GRANT INSERT ({places}) ON TABLE {{}} TO {{}}", *columns, table, role)


def _names(connection: psycopg.Connection[Any], query: str) -> list[str]:
    return [row[0] for row in connection.execute(query.encode()).fetchall()]


def _execute(connection: psycopg.Connection[Any], statement: str, *names: str) -> None:
    # The statements are constants of this module; every name is quoted.
    query = sql.SQL(statement)
    connection.execute(query.format(*map(sql.Identifier, names)))
