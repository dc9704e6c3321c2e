"""Compares the privileges of a role with those that the service needs."""

from collections.abc import Iterator
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from adapters.postgres.application_roles import FUNCTIONS, PRIVILEGES
from application.ports.vital_signs import Rights

_ROLE: Final = """
SELECT pg_has_role(relowner, 'MEMBER') AS is_owner,
    has_schema_privilege(relnamespace, 'CREATE') AS may_create_tables
FROM pg_class WHERE oid = 'vetassist_auth_audit'::regclass
"""
# A privilege on a column counts as one on the table, because some are granted by column.
_TABLES: Final = r"""
SELECT c.relname AS name, ARRAY(
    SELECT privilege
    FROM unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) AS privilege
    WHERE CASE
        WHEN privilege IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
        THEN has_any_column_privilege(c.oid, privilege)
        ELSE has_table_privilege(c.oid, privilege)
    END
) AS privileges
FROM pg_class AS c JOIN pg_class AS trail ON trail.oid = 'vetassist_auth_audit'::regclass
WHERE c.relnamespace = trail.relnamespace AND c.relkind IN ('r', 'p')
  AND c.relname LIKE 'vetassist\_%'
ORDER BY c.relname
"""
_SEQUENCES: Final = r"""
SELECT c.relname AS name, ARRAY(
    SELECT privilege FROM unnest('{USAGE,UPDATE}'::text[]) AS privilege
    WHERE has_sequence_privilege(c.oid, privilege)
) AS privileges
FROM pg_class AS c JOIN pg_class AS trail ON trail.oid = 'vetassist_auth_audit'::regclass
WHERE c.relnamespace = trail.relnamespace AND c.relkind = 'S' AND EXISTS (
    SELECT FROM pg_depend AS d JOIN pg_class AS t ON t.oid = d.refobjid
    WHERE d.objid = c.oid AND d.deptype IN ('a', 'i') AND t.relname LIKE 'vetassist\_%'
)
ORDER BY c.relname
"""
_FUNCTIONS: Final = """
SELECT p.proname AS name, CASE
    WHEN has_function_privilege(p.oid, 'EXECUTE') THEN '{EXECUTE}'::text[] ELSE '{}'
END AS privileges
FROM pg_proc AS p JOIN pg_class AS trail ON trail.oid = 'vetassist_auth_audit'::regclass
WHERE p.pronamespace = trail.relnamespace AND p.proname = ANY(%s)
ORDER BY p.proname
"""
# Names of partitions start like this too.
_EVIDENCE: Final = ("vetassist_auth_audit", "vetassist_audit_")


async def read_rights(connection: AsyncConnection[Any]) -> Rights:
    """Returns the missing and excess privileges of the role. Ignores tables that don't exist."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_ROLE)
        (role,) = await cursor.fetchall()
        if role["is_owner"]:
            return Rights(is_owner=True)
        held: list[tuple[str, set[str], set[str]]] = []
        await cursor.execute(_TABLES)
        for row in await cursor.fetchall():
            # The service reaches partitions only through their parent table.
            needed = set(PRIVILEGES.get(row["name"], ()))
            held.append((row["name"], set(row["privileges"]), needed))
        await cursor.execute(_SEQUENCES)
        held += [(row["name"], set(row["privileges"]), {"USAGE"}) async for row in cursor]
        await cursor.execute(_FUNCTIONS, (list(FUNCTIONS),))
        held += [(row["name"], set(row["privileges"]), {"EXECUTE"}) async for row in cursor]
    too_much = tuple(_differences((name, has - needs) for name, has, needs in held))
    evidence = tuple(each for each in too_much if _is_evidence(each))
    return Rights(
        is_owner=False,
        missing=tuple(_differences((name, needs - has) for name, has, needs in held)),
        too_much=tuple(each for each in too_much if each not in evidence),
        too_much_on_evidence=evidence,
        may_create_tables=role["may_create_tables"],
    )


def _differences(named: Any) -> Iterator[str]:
    for name, privileges in named:
        for privilege in sorted(privileges):
            yield f"{privilege} on {name}"


def _is_evidence(difference: str) -> bool:
    return difference.partition(" on ")[2].startswith(_EVIDENCE)
