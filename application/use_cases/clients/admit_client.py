"""Use case: authenticate a back end and check what it may request."""

from dataclasses import dataclass
from typing import final

from application.client_refusals import ClientRefusals
from application.errors import (
    ClientRefusedError,
    PurposeNotAllowedError,
    ScopeNotAllowedError,
)
from application.ports.client_assertions import ClientAssertions
from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.errors import InvalidAssertionError
from domain.service_client import (
    AssertionCredential,
    ClientCredential,
    ClientId,
    SecretCredential,
    ServiceClient,
    parse_client_id,
)
from domain.va_token_use import TokenPurpose
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmitClientCommand:
    """The back end's credential and its request.

    Attributes:
        scopes: None requests all scopes that the client is registered for.
    """

    credential: ClientCredential
    purpose: TokenPurpose
    scopes: frozenset[str] | None
    visitor: Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmittedClient:
    """An authenticated client and the scopes that it may use."""

    id: ClientId
    scopes: frozenset[str]


@final
class AdmitClient:
    """Authenticates a client, then checks what it is registered for.

    Nothing is cached, so a disabled client is refused from its next request on.
    """

    def __init__(
        self,
        *,
        unit_of_work: UnitOfWorkFactory,
        assertions: ClientAssertions,
        refusals: ClientRefusals,
        clock: Clock,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._assertions = assertions
        self._refusals = refusals
        self._clock = clock

    async def execute(self, command: AdmitClientCommand) -> AdmittedClient:
        """Admits the client. A valid assertion is used up, even if the request is then refused.

        Raises:
            ClientRefusedError: It didn't prove that it is an accepted client. The audit trail
                records this and the next two.
            PurposeNotAllowedError: It isn't registered for this purpose.
            ScopeNotAllowedError: It isn't registered for one of the scopes.
            TooManyRefusalsError: It is refused, and its address was refused too often before.
            UnavailableError: The store did not answer. The assertion may be used up.
        """
        try:
            return await self._admitted(command)
        except ClientRefusedError as refusal:
            await self._refusals.refuse(refusal, command.visitor)

    async def _admitted(self, command: AdmitClientCommand) -> AdmittedClient:
        async with self._unit_of_work() as work:
            if isinstance(command.credential, SecretCredential):
                client = await _by_secret(work, command.credential)
            else:
                client = await self._by_assertion(work, command.credential)
            await work.commit()
        if command.purpose not in client.purposes:
            raise PurposeNotAllowedError("purpose_not_allowed", client.id)
        scopes = client.scopes if command.scopes is None else command.scopes
        if not scopes <= client.scopes:
            raise ScopeNotAllowedError("scope_not_allowed", client.id)
        return AdmittedClient(id=client.id, scopes=scopes)

    async def _by_assertion(
        self, work: UnitOfWork, credential: AssertionCredential
    ) -> ServiceClient:
        try:
            claimed = self._assertions.claimed_client(credential.assertion)
        except InvalidAssertionError as error:
            raise ClientRefusedError(error.reason) from None
        client = await _known(work, claimed)
        # Source: RFC 7521, section 4.2: `client_id` must name the same client as the assertion.
        if credential.client_id is not None and parse_client_id(credential.client_id) != claimed:
            raise ClientRefusedError("assertion_client", client.id)
        try:
            assertion = self._assertions.verify(credential.assertion, client, now=self._clock.now())
        except InvalidAssertionError as error:
            raise ClientRefusedError(error.reason, client.id) from None
        if not await work.service_clients.use_up(assertion):
            raise ClientRefusedError("assertion_replayed", client.id)
        return client


async def _by_secret(work: UnitOfWork, credential: SecretCredential) -> ServiceClient:
    client = await _known(work, parse_client_id(credential.client_id))
    if not client.knows(credential.secret):
        raise ClientRefusedError("wrong_secret", client.id)
    return client


async def _known(work: UnitOfWork, client_id: ClientId | None) -> ServiceClient:
    client = None if client_id is None else await work.service_clients.find(client_id)
    if client is None:
        raise ClientRefusedError("unknown_client")
    if client.disabled_at is not None:
        raise ClientRefusedError("disabled_client", client.id)
    return client
