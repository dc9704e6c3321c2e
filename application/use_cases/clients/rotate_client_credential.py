"""Use case: an operator gives a client a new credential."""

from dataclasses import dataclass
from typing import final

from application.client_credentials import new_credential, secret_of
from application.ports.client_assertions import ClientAssertions
from application.ports.clock import Clock
from application.ports.secret_source import SecretSource
from application.ports.unit_of_work import UnitOfWorkFactory
from application.refused_commands import refuse_unknown
from domain.audit_event import AuditEvent, AuditEventType
from domain.secret import Secret
from domain.service_client import ClientId, ServiceClient
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateClientCredentialCommand:
    """The client and its new credential.

    Attributes:
        public_key: PEM or JWK, or None to issue a new secret.
    """

    client_id: ClientId
    public_key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentialRotated:
    """The client with its new credential.

    Attributes:
        secret: The new secret, which is never shown again. None if the client has a key.
    """

    client: ServiceClient
    secret: Secret | None


@final
class RotateClientCredential:
    """Adds a credential. The previous one stays valid until it is retired or replaced."""

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
        """Adds the credential. Audited in the transaction.

        Raises:
            NotFoundError: There is no such client. The audit trail records the attempt.
            InvalidServiceClientError: The client is disabled, already has that key, or has the
                other kind of credential. Or the key isn't acceptable.
            UnavailableError: The store did not answer. Nothing was acknowledged.
        """
        now = self._clock.now()
        credential = new_credential(
            command.public_key, secrets=self._secrets, assertions=self._assertions
        )
        async with self._unit_of_work() as work:
            client = await work.service_clients.lock(command.client_id)
            if client is None:
                await refuse_unknown(work, "client_rotate", now=now, client=str(command.client_id))
            rotated = client.rotated(credential)
            await work.service_clients.save(rotated)
            event = AuditEvent.of_service(
                AuditEventType.CLIENT_CREDENTIAL_ADDED,
                visitor=Visitor(),
                now=now,
                client=str(client.id),
                method=rotated.method.value,
            )
            await work.audit.append(event)
            await work.commit()
        return ClientCredentialRotated(client=rotated, secret=secret_of(credential))
