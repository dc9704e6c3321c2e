"""Use case: an operator changes what a back end proves by who it is."""

from dataclasses import dataclass
from typing import NoReturn, final

from application.ports.client_assertions import ClientAssertions
from application.ports.clock import Clock
from application.ports.secret_source import SecretSource
from application.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from application.refused_commands import refuse_unknown
from domain.audit_event import AuditEvent, AuditEventType
from domain.secret import Secret
from domain.service_client import ClientId, ServiceClient
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateClientCredentialCommand:
    """Which client, and what it has from now on.

    Attributes:
        public_key: PEM or JWK; None: the client is given a new secret.
    """

    client_id: ClientId
    public_key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentialRotated:
    """The client as it is now; a new secret is to be had here, and never again.

    Attributes:
        secret: None when it has a key.
    """

    client: ServiceClient
    secret: Secret | None


@final
class RotateClientCredential:
    """Adds a credential. The one before it stays good until it is retired, or the next comes."""

    def __init__(
        self,
        *,
        unit_of_work: UnitOfWorkFactory,
        assertions: ClientAssertions,
        secrets: SecretSource,
        clock: Clock,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._assertions = assertions
        self._secrets = secrets
        self._clock = clock

    async def execute(self, command: RotateClientCredentialCommand) -> ClientCredentialRotated:
        """Add the credential, in one transaction with its audit.

        Raises:
            NotFoundError: No such client; the audit keeps the attempt.
            InvalidServiceClientError: It is disabled, has that key already, or has the other
                kind of credential; or the key is not accepted.
            UnavailableError: Storage did not answer; nothing was acknowledged.
        """
        secret = self._secrets.token() if command.public_key is None else None
        credential = secret or self._assertions.read_key(command.public_key or "")
        async with self._unit_of_work() as work:
            client = await work.service_clients.lock(command.client_id)
            if client is None:
                await self._refuse(work, command.client_id, "client_rotate")
            rotated = client.rotated(credential)
            await work.service_clients.save(rotated)
            await work.audit.append(self._event(AuditEventType.CLIENT_CREDENTIAL_ADDED, rotated))
            await work.commit()
        return ClientCredentialRotated(client=rotated, secret=secret)

    async def retire(self, client_id: ClientId) -> bool:
        """Refuse all but the newest credential from now on; False when there was no other.

        Raises:
            NotFoundError: No such client; the audit keeps the attempt.
            UnavailableError: Storage did not answer; nothing was acknowledged.
        """
        async with self._unit_of_work() as work:
            client = await work.service_clients.lock(client_id)
            if client is None:
                await self._refuse(work, client_id, "client_retire")
            retired = client.retired()
            if retired == client:
                return False
            await work.service_clients.save(retired)
            await work.audit.append(self._event(AuditEventType.CLIENT_CREDENTIAL_RETIRED, retired))
            await work.commit()
        return True

    async def _refuse(self, work: UnitOfWork, client_id: ClientId, command: str) -> NoReturn:
        await refuse_unknown(work, command, now=self._clock.now(), client=str(client_id))

    def _event(self, type_: AuditEventType, client: ServiceClient) -> AuditEvent:
        return AuditEvent.of_service(
            type_,
            visitor=Visitor(),
            now=self._clock.now(),
            client=str(client.id),
            method=client.method.value,
        )
