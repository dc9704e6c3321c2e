"""Use case: an operator registers a back end."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import final

from application.client_credentials import new_credential, secret_of
from application.ports.client_assertions import ClientAssertions
from application.ports.clock import Clock
from application.ports.secret_source import SecretSource
from application.ports.unit_of_work import UnitOfWorkFactory
from domain.audit_event import AuditEvent, AuditEventType
from domain.errors import InvalidServiceClientError
from domain.secret import Secret
from domain.service_client import ClientId, ServiceClient
from domain.va_token_use import TokenPurpose
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class AddClientCommand:
    """The name and the rights of the new client.

    Attributes:
        name: Shown to Veterans.
        public_key: PEM or JWK, or None to issue a secret.
    """

    name: str
    purposes: frozenset[TokenPurpose]
    scopes: frozenset[str]
    public_key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientAdded:
    """The new client.

    Attributes:
        secret: Its secret, which is never shown again. None if the client has a key.
    """

    client: ServiceClient
    secret: Secret | None


@final
class AddClient:
    """Registers a client under a new id.

    Args:
        granted_scopes: The scopes that Veterans are asked to grant at VA. No others can be used.
    """

    def __init__(
        self,
        *,
        unit_of_work: UnitOfWorkFactory,
        assertions: ClientAssertions,
        secrets: SecretSource,
        clock: Clock,
        granted_scopes: Collection[str],
    ) -> None:
        self._unit_of_work = unit_of_work
        self._assertions = assertions
        self._secrets = secrets
        self._clock = clock
        self._granted_scopes = frozenset(granted_scopes)

    async def execute(self, command: AddClientCommand) -> ClientAdded:
        """Registers the client. Audited in the transaction.

        Raises:
            InvalidServiceClientError: The name, the key, the purposes or the scopes are invalid.
            UnavailableError: The store did not answer. Nothing was acknowledged.
        """
        if not command.scopes <= self._granted_scopes:
            raise InvalidServiceClientError(
                "a client can only have scopes that VETASSIST_VA_SCOPES contains"
            )
        now = self._clock.now()
        credential = new_credential(
            command.public_key, secrets=self._secrets, assertions=self._assertions
        )
        client = ServiceClient.register(
            client_id=ClientId(self._secrets.uuid()),
            name=command.name,
            credential=credential,
            purposes=command.purposes,
            scopes=command.scopes,
            now=now,
        )
        event = AuditEvent.of_service(
            AuditEventType.CLIENT_ADDED,
            visitor=Visitor(),
            now=now,
            client=str(client.id),
            method=client.method.value,
            purposes=" ".join(sorted(client.purposes)),
            scope=" ".join(sorted(client.scopes)),
        )
        async with self._unit_of_work() as work:
            await work.service_clients.add(client)
            await work.audit.append(event)
            await work.commit()
        return ClientAdded(client=client, secret=secret_of(credential))
