"""Use case: an operator reads the audit trail."""

from dataclasses import dataclass
from typing import final

from application.ports.audit_history import AuditHistory
from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWorkFactory
from domain.audit_event import AuditEvent, AuditEventType
from domain.audit_record import AuditFilter, AuditRecord
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowAuditCommand:
    """Which events to show, and the maximum number of them."""

    wanted: AuditFilter
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditShown:
    """The newest matching events, newest first.

    Attributes:
        has_more: Whether there are older matching events.
    """

    records: tuple[AuditRecord, ...]
    has_more: bool


@final
class ShowAudit:
    """Records that the operator reads the trail before it shows anything."""

    def __init__(
        self, *, history: AuditHistory, unit_of_work: UnitOfWorkFactory, clock: Clock
    ) -> None:
        self._history = history
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def execute(self, command: ShowAuditCommand) -> AuditShown:
        """Returns the matching events, after recording that they were read.

        Raises:
            UnavailableError: The store did not answer, so nothing is shown.
        """
        wanted = command.wanted
        found = await self._history.list(wanted, after=None, limit=command.limit + 1)
        shown = AuditShown(
            records=tuple(found[: command.limit]), has_more=len(found) > command.limit
        )
        event = AuditEvent(
            type=AuditEventType.AUDIT_SHOWN,
            occurred_at=self._clock.now(),
            user_id=wanted.user_id,
            visitor=Visitor(),
            data={"rows": len(shown.records), **_bounds(wanted)},
        )
        async with self._unit_of_work() as work:
            await work.audit.append(event)
            await work.commit()
        return shown


def _bounds(wanted: AuditFilter) -> dict[str, str]:
    bounds = {
        name: str(value)
        for name, value in (
            # So named that the event doesn't itself concern them.
            ("of_operator", wanted.operator),
            ("of_reference", wanted.reference),
            ("of_session", wanted.session_id),
            ("of_client", wanted.client_id),
        )
        if value is not None
    }
    if wanted.types is not None:
        bounds["types"] = " ".join(sorted(wanted.types))
    if wanted.since is not None:
        bounds["since"] = wanted.since.isoformat()
    if wanted.until is not None:
        bounds["until"] = wanted.until.isoformat()
    return bounds
