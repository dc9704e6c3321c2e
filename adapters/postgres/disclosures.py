"""The recorded uses of VA tokens, in PostgreSQL."""

from collections.abc import Sequence
from typing import Any, Final, final

from adapters.postgres.errors import translated_errors
from adapters.postgres.pool import Pool
from adapters.postgres.rows import event_data_of
from application.ports.disclosures import Disclosures
from domain.audit_event import AuditEventType
from domain.audit_record import AuditMark
from domain.disclosure import Disclosure
from domain.identifiers import UserId
from domain.va_token_use import TokenPurpose

# The index on (user_id, created_at) is scanned backwards from the start of the page. The id orders
# events of the same instant. It's compared as text, because an earlier phase may have given it any
# type. The id of the client is text in the event data. Times that Python can't represent appear
# only in the history. The service itself doesn't write such times.
_SELECT: Final = """
SELECT trail.id::text AS key, trail.created_at, trail.event_data::text AS data, client.name
FROM vetassist_auth_audit AS trail
LEFT JOIN vetassist_service_clients AS client ON client.id::text = trail.event_data ->> 'client'
WHERE {of_user} AND trail.event_type = %(type)s
  AND trail.created_at BETWEEN '0001-01-02 00:00:00+00' AND '9999-12-30 00:00:00+00'
  AND trail.created_at <= coalesce(%(after)s::timestamptz, 'infinity')
  AND (
    %(after)s::timestamptz IS NULL OR trail.created_at < %(after)s::timestamptz
    OR trail.id::text < %(key)s
  )
ORDER BY trail.created_at DESC, trail.id::text DESC
LIMIT %(limit)s
"""
_OF_USER: Final = "trail.user_id = %(user_id)s"
# Only for merged accounts, because it reads all events of these users.
_OF_SEVERAL: Final = "trail.user_id = ANY(%(user_ids)s)"


@final
class PostgresDisclosures(Disclosures):
    """Reads ``vetassist_auth_audit`` with one statement on a pooled connection."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def list_for(
        self,
        user_id: UserId,
        *,
        also_of: frozenset[UserId] = frozenset(),
        after: AuditMark | None,
        limit: int,
    ) -> Sequence[Disclosure]:
        parameters = {
            "user_id": user_id,
            "user_ids": [user_id, *also_of],
            "type": AuditEventType.VA_TOKEN_USED.value,
            "after": after and after.occurred_at,
            "key": after.key if after else "",
            "limit": limit,
        }
        with translated_errors():
            of_user = _OF_SEVERAL if also_of else _OF_USER
            rows = await self._pool.rows(_SELECT.format(of_user=of_user), parameters)
        return [_disclosure_of(row) for row in rows]


def _disclosure_of(row: dict[str, Any]) -> Disclosure:
    data = event_data_of(row["data"])
    purpose = data.get("purpose")
    known = {purpose.value for purpose in TokenPurpose}
    return Disclosure(
        mark=AuditMark(occurred_at=row["created_at"], key=row["key"]),
        client_name=row["name"],
        purpose=TokenPurpose(str(purpose)) if purpose in known else None,
        scope=str(data.get("scope", "")),
    )
