"""Use case: an operator changes a front end."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, final

from application.front_end_rules import FrontEndRules, recorded
from application.front_end_to_change import front_end_to_change
from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWorkFactory
from domain.audit_event import AuditEvent, AuditEventType
from domain.errors import InvalidFrontEndError
from domain.front_end import FrontEnd, FrontEndId, SessionDelivery
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFrontEndCommand:
    """The front end, and what changes. None leaves it as it is.

    Attributes:
        url: In the form of the setting `VETASSIST_FRONTEND_URL`.
        idle: Zero for the service's idle limit.
        absolute: Zero for the service's absolute limit.
        reason: The operator's own code, kept in the audit trail.
        is_dry_run: Whether to check everything and store nothing.
    """

    front_end_id: FrontEndId
    reason: str
    name: str | None = None
    url: str | None = None
    delivery: SessionDelivery | None = None
    idle: timedelta | None = None
    absolute: timedelta | None = None
    is_dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontEndChanged:
    """The front end as it is now, and whether that is new."""

    front_end: FrontEnd
    is_changed: bool


@final
class ChangeFrontEnd:
    """Changes a front end from its next sign-in, renewal or request on."""

    def __init__(
        self, *, unit_of_work: UnitOfWorkFactory, rules: FrontEndRules, clock: Clock
    ) -> None:
        self._unit_of_work = unit_of_work
        self._rules = rules
        self._clock = clock

    async def execute(self, command: ChangeFrontEndCommand) -> FrontEndChanged:
        """Changes the front end. Audited in the transaction.

        Raises:
            NotFoundError: There is no such front end. The audit trail records the attempt.
            InvalidFrontEndError: It is disabled or the settings' own, the name or a limit is
                invalid, or the origin is taken.
            ConflictError: Another operator took the origin meanwhile.
            UnavailableError: The store did not answer. Nothing was acknowledged.
        """
        now = self._clock.now()
        async with self._unit_of_work() as work:
            front_end = await front_end_to_change(
                work,
                "front_end_change",
                command.front_end_id,
                now=now,
                is_dry_run=command.is_dry_run,
            )
            if not front_end.is_enabled:
                raise InvalidFrontEndError("the front end is disabled")
            changed = replace(front_end, **_changes(command))
            if changed == front_end:
                return FrontEndChanged(front_end=front_end, is_changed=False)
            self._rules.check(changed, await work.front_ends.list_all())
            await work.front_ends.save(changed)
            event = AuditEvent.of_service(
                AuditEventType.FRONT_END_CHANGED,
                visitor=Visitor(),
                now=now,
                **recorded(changed),
                reason=command.reason,
            )
            await work.audit.append(event)
            if not command.is_dry_run:
                await work.commit()
        return FrontEndChanged(front_end=changed, is_changed=True)


def _changes(command: ChangeFrontEndCommand) -> dict[str, Any]:
    given: dict[str, Any] = {
        "name": command.name and command.name.strip(),
        "url": command.url,
        "delivery": command.delivery,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    for name, limit in {"idle": command.idle, "absolute": command.absolute}.items():
        if limit is not None:
            changes[name] = limit or None
    return changes
