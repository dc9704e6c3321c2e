"""Use case: an operator signs in to the console."""

from dataclasses import dataclass
from typing import Final, final

from application.errors import ForbiddenError, ProviderUnavailableError, UpstreamRejectedError
from application.ports.clock import Clock
from application.ports.identity_provider import CallbackParameters
from application.ports.operator_directory import OperatorDirectory
from application.ports.unit_of_work import OperatorUnitOfWorkFactory
from application.sign_in_errors import SignInFailedError
from domain.audit_event import AuditEvent, AuditEventType
from domain.login_attempt import LoginSecrets
from domain.operator import Operator, operator_name_of, role_in
from domain.operator_session import OperatorSession
from domain.visitor import Visitor

_NO_ROLE: Final = "no_role"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInOperatorCommand:
    """The callback of an attempt that this browser began and that wasn't used before."""

    callback: CallbackParameters
    secrets: LoginSecrets
    visitor: Visitor


@final
class SignInOperator:
    """Lets in whoever the operators' provider gives a role."""

    def __init__(
        self, *, directory: OperatorDirectory, unit_of_work: OperatorUnitOfWorkFactory, clock: Clock
    ) -> None:
        self._directory = directory
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def execute(self, command: SignInOperatorCommand) -> OperatorSession:
        """Returns the session, after the audit trail recorded it.

        Raises:
            ForbiddenError: The provider gives the person no role.
            SignInFailedError: The callback can't be read, or the provider didn't allow the
                sign-in.
            UpstreamRejectedError: The callback or the provider's answer isn't acceptable.
            ProviderUnavailableError: The provider did not answer.
            UnavailableError: Storage did not answer. Only this the audit trail doesn't record.
        """
        try:
            callback = self._directory.read_callback(command.callback)
            known = await self._directory.sign_in(callback, command.secrets)
        except (SignInFailedError, UpstreamRejectedError) as error:
            await self._refuse(command, error.reason)
            raise
        except ProviderUnavailableError as error:
            await self._refuse(command, error.code)
            raise
        name, role = operator_name_of(known.subject), role_in(known.groups)
        if role is None:
            await self._refuse(command, _NO_ROLE, name)
            raise ForbiddenError
        await self._record(
            AuditEventType.OPERATOR_SIGNED_IN, command.visitor, name, role=role.value
        )
        return OperatorSession.begin(Operator(name=name, role=role), now=self._clock.now())

    async def _refuse(
        self, command: SignInOperatorCommand, reason: str, name: str | None = None
    ) -> None:
        type_ = AuditEventType.OPERATOR_SIGN_IN_REFUSED
        await self._record(type_, command.visitor, name, reason=reason)

    async def _record(
        self, type_: AuditEventType, visitor: Visitor, name: str | None, **data: str
    ) -> None:
        event = AuditEvent.of_service(type_, visitor=visitor, now=self._clock.now(), **data)
        async with self._unit_of_work(name) as work:
            await work.audit.append(event)
            await work.commit()
