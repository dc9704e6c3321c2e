"""Use case: an operator registers a back end."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import final

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
    """What the back end is called and may do.

    Attributes:
        name: Shown to Veterans.
        public_key: PEM or JWK; None: the client is given a secret.
    """

    name: str
    purposes: frozenset[TokenPurpose]
    scopes: frozenset[str]
    public_key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientAdded:
    """The new client; its secret is to be had here, and never again.

    Attributes:
        secret: None when it has a key.
    """

    client: ServiceClient
    secret: Secret | None


@final
class AddClient:
    """Registers a client under an id of ours.

    Args:
        granted_scopes: What Veterans are asked to grant at VA; nothing else is ever to be had.
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
        """Register, in one transaction with its audit.

        Raises:
            InvalidServiceClientError: It cannot be registered like this.
            UnavailableError: Storage did not answer; nothing was acknowledged.
        """
        if not command.scopes <= self._granted_scopes:
            raise InvalidServiceClientError(
                "a scope that VETASSIST_VA_SCOPES does not ask for can never be had"
            )
        now = self._clock.now()
        secret = self._secrets.token() if command.public_key is None else None
        client = ServiceClient.register(
            client_id=ClientId(self._secrets.uuid()),
            name=command.name,
            credential=secret or self._assertions.read_key(command.public_key or ""),
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
        return ClientAdded(client=client, secret=secret)
