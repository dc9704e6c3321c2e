"""Use case: an operator registers a front end."""

from dataclasses import dataclass
from datetime import timedelta
from typing import final

from application.front_end_rules import FrontEndRules, recorded
from application.ports.clock import Clock
from application.ports.secret_source import SecretSource
from application.ports.unit_of_work import UnitOfWorkFactory
from domain.audit_event import AuditEvent, AuditEventType
from domain.front_end import FrontEnd, FrontEndId, SessionDelivery
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class AddFrontEndCommand:
    """The new front end.

    Attributes:
        name: Shown to Veterans.
        url: In the form of the setting `VETASSIST_FRONTEND_URL`.
        delivery: None for that of the settings.
        idle: Its own idle limit, or None for the service's.
        absolute: Its own absolute limit, or None for the service's.
        is_dry_run: Whether to check everything and store nothing.
    """

    name: str
    url: str
    delivery: SessionDelivery | None = None
    idle: timedelta | None = None
    absolute: timedelta | None = None
    is_dry_run: bool = False


@final
class AddFrontEnd:
    """Registers a front end under a new id."""

    def __init__(
        self,
        *,
        unit_of_work: UnitOfWorkFactory,
        rules: FrontEndRules,
        secrets: SecretSource,
        clock: Clock,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._rules = rules
        self._secrets = secrets
        self._clock = clock

    async def execute(self, command: AddFrontEndCommand) -> FrontEnd:
        """Registers the front end. Audited in the transaction.

        Raises:
            InvalidFrontEndError: The name or a limit is invalid, or the origin is taken.
            ConflictError: Another operator took the origin meanwhile.
            UnavailableError: The store did not answer. Nothing was acknowledged.
        """
        now = self._clock.now()
        front_end = FrontEnd(
            id=FrontEndId(self._secrets.uuid()),
            name=command.name.strip(),
            url=command.url,
            delivery=command.delivery or self._rules.usual_delivery,
            idle=command.idle,
            absolute=command.absolute,
            created_at=now,
        )
        event = AuditEvent.of_service(
            AuditEventType.FRONT_END_ADDED, visitor=Visitor(), now=now, **recorded(front_end)
        )
        async with self._unit_of_work() as work:
            self._rules.check(front_end, await work.front_ends.list_all())
            await work.front_ends.add(front_end)
            await work.audit.append(event)
            if not command.is_dry_run:
                await work.commit()
        return front_end
