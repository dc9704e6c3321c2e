"""Acts: operators who sign in to the console, and out."""

from typing import Final

from adapters.memory.operator_directory import MemoryOperatorDirectory
from application.errors import (
    ApplicationError,
    ForbiddenError,
    ProviderUnavailableError,
    UpstreamRejectedError,
)
from application.ports.operator_directory import KnownOperator
from application.ports.unit_of_work import UnitOfWork
from application.sign_in_errors import SignInDeniedError
from application.use_cases.console.record_look import ConsolePage, RecordLook
from application.use_cases.console.sign_in_operator import SignInOperator, SignInOperatorCommand
from application.use_cases.console.sign_out_operator import SignOutOperator
from domain.audit_event import AuditEventType
from domain.operator import Operator, OperatorRole
from tests.support.audited_acts.acts import Scene, act
from tests.support.builders import ISSUER, a_callback, a_visitor, some_login_secrets
from tests.support.service import Service

_REFUSED: Final = AuditEventType.OPERATOR_SIGN_IN_REFUSED


class _Door:
    """Somebody who has been at the provider and comes back."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.directory = MemoryOperatorDirectory(issuer=ISSUER)
        self.secrets = some_login_secrets()
        self.visitor = a_visitor()
        self.parameters = {"code": "unknown"}

    async def consent(self, *groups: str) -> None:
        operator = KnownOperator(subject="an-operator", groups=frozenset(groups))
        url = await self.directory.authorization_url(self.secrets)
        self.parameters = {"code": self.directory.consent(url, operator).reveal()}

    def unit_of_work(self, _operator: str | None) -> UnitOfWork:
        return self.service.storage.unit_of_work()

    async def _happen(self) -> None:
        use_case = SignInOperator(
            directory=self.directory,
            unit_of_work=self.unit_of_work,
            clock=self.service.clock,
        )
        command = SignInOperatorCommand(
            callback=a_callback(self.parameters), secrets=self.secrets, visitor=self.visitor
        )
        await use_case.execute(command)

    def scene(self, ends_in: type[ApplicationError] | None = None) -> Scene:
        return Scene(happen=self._happen, visitor=self.visitor, ends_in=ends_in)


@act("sign_in_operator", AuditEventType.OPERATOR_SIGNED_IN)
async def an_operator_signs_in(service: Service) -> Scene:
    door = _Door(service)
    await door.consent(OperatorRole.SUPPORT.value)
    return door.scene()


@act("sign_in_operator", _REFUSED, reason="no_role")
async def somebody_without_a_role_is_refused(service: Service) -> Scene:
    door = _Door(service)
    await door.consent("somebody-else")
    return door.scene(ForbiddenError)


@act("sign_in_operator", _REFUSED, reason="denied_at_provider")
async def an_operator_declines_at_the_provider(service: Service) -> Scene:
    door = _Door(service)
    door.parameters = {"error": "access_denied"}
    return door.scene(SignInDeniedError)


@act("sign_in_operator", _REFUSED, reason="invalid_grant")
async def a_code_that_the_provider_does_not_know_is_refused(service: Service) -> Scene:
    return _Door(service).scene(UpstreamRejectedError)


@act("sign_in_operator", _REFUSED, reason="provider_unavailable")
async def the_provider_of_operators_does_not_answer(service: Service) -> Scene:
    door = _Door(service)
    door.directory.is_up = False
    return door.scene(ProviderUnavailableError)


@act("record_look", AuditEventType.CONSOLE_SHOWN)
async def an_operator_looks_at_the_board(service: Service) -> Scene:
    use_case = RecordLook(unit_of_work=service.storage.unit_of_work, clock=service.clock)
    return Scene(happen=lambda: use_case.execute(ConsolePage.BOARD))


@act("sign_out_operator", AuditEventType.OPERATOR_SIGNED_OUT)
async def an_operator_signs_out(service: Service) -> Scene:
    door = _Door(service)
    use_case = SignOutOperator(unit_of_work=door.unit_of_work, clock=service.clock)
    operator = Operator(name="an-operator", role=OperatorRole.SUPPORT)
    return Scene(happen=lambda: use_case.execute(operator, door.visitor), visitor=door.visitor)
