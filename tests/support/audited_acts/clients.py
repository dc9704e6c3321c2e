"""Acts: back-end clients."""

from uuid import uuid4

from application.errors import (
    ClientRefusedError,
    NotFoundError,
)
from application.use_cases.clients.admit_client import AdmitClientCommand
from application.use_cases.clients.disable_client import DisableClientCommand
from application.use_cases.clients.refuse_client import RefuseClientCommand
from application.use_cases.clients.retire_client_credential import (
    RetireClientCredentialCommand,
)
from application.use_cases.clients.rotate_client_credential import RotateClientCredentialCommand
from domain.audit_event import AuditEventType
from domain.secret import Secret
from domain.service_client import AssertionCredential, ClientCredential, ClientId, SecretCredential
from domain.va_token_use import TokenPurpose
from tests.support.audited_acts.acts import Scene, act
from tests.support.builders import (
    a_visitor,
)
from tests.support.service import Service
from tests.support.service_clients import PURPOSE, KeyClient, SecretClient, register


@act("add_client", AuditEventType.CLIENT_ADDED)
async def a_client_is_added(service: Service) -> Scene:
    return Scene(happen=lambda: register(service.container))


@act("rotate_client_credential", AuditEventType.CLIENT_CREDENTIAL_ADDED)
async def a_client_is_given_another_secret(service: Service) -> Scene:
    client = (await register(service.container)).client
    command = RotateClientCredentialCommand(client_id=client.id, public_key=None)
    return Scene(happen=lambda: service.container.rotate_client_credential().execute(command))


@act("retire_client_credential", AuditEventType.CLIENT_CREDENTIAL_RETIRED)
async def a_clients_old_secret_is_retired(service: Service) -> Scene:
    client = (await register(service.container)).client
    rotate = RotateClientCredentialCommand(client_id=client.id, public_key=None)
    await service.container.rotate_client_credential().execute(rotate)
    retire = RetireClientCredentialCommand(client_id=client.id)
    return Scene(happen=lambda: service.container.retire_client_credential().execute(retire))


@act("disable_client", AuditEventType.CLIENT_DISABLED, reason="left")
async def a_client_is_disabled(service: Service) -> Scene:
    client = (await register(service.container)).client
    command = DisableClientCommand(client_id=client.id, reason="left")
    return Scene(happen=lambda: service.container.disable_client().execute(command))


@act("disable_client", AuditEventType.COMMAND_REFUSED, reason="not_found")
async def no_client_is_disabled(service: Service) -> Scene:
    command = DisableClientCommand(client_id=ClientId(uuid4()), reason="left")
    return Scene(
        happen=lambda: service.container.disable_client().execute(command), ends_in=NotFoundError
    )


@act("rotate_client_credential", AuditEventType.COMMAND_REFUSED, reason="not_found")
async def no_client_is_given_a_secret(service: Service) -> Scene:
    command = RotateClientCredentialCommand(client_id=ClientId(uuid4()), public_key=None)
    return Scene(
        happen=lambda: service.container.rotate_client_credential().execute(command),
        ends_in=NotFoundError,
    )


@act("retire_client_credential", AuditEventType.COMMAND_REFUSED, reason="not_found")
async def no_clients_old_secret_is_retired(service: Service) -> Scene:
    command = RetireClientCredentialCommand(client_id=ClientId(uuid4()))
    return Scene(
        happen=lambda: service.container.retire_client_credential().execute(command),
        ends_in=NotFoundError,
    )


def _admission(
    service: Service, credential: ClientCredential, *, purpose: TokenPurpose = PURPOSE
) -> Scene:
    visitor = a_visitor()
    command = AdmitClientCommand(
        credential=credential, purpose=purpose, scopes=None, visitor=visitor
    )
    return Scene(
        happen=lambda: service.container.admit_client().execute(command),
        visitor=visitor,
        ends_in=ClientRefusedError,
    )


@act("refuse_client", AuditEventType.CLIENT_REFUSED, reason="no_credentials")
async def a_client_comes_without_credentials(service: Service) -> Scene:
    visitor = a_visitor()
    command = RefuseClientCommand(refusal=ClientRefusedError("no_credentials"), visitor=visitor)
    return Scene(
        happen=lambda: service.container.refuse_client().execute(command),
        visitor=visitor,
        ends_in=ClientRefusedError,
    )


@act("admit_client", AuditEventType.CLIENT_REFUSED, reason="wrong_secret")
async def a_client_shows_a_wrong_secret(service: Service) -> Scene:
    client = await SecretClient.registered(service.container)
    return _admission(service, SecretCredential(client_id=client.id, secret=Secret("wrong")))


@act("admit_client", AuditEventType.CLIENT_REFUSED, reason="purpose_not_allowed")
async def a_client_names_a_purpose_that_is_not_its_own(service: Service) -> Scene:
    client = await SecretClient.registered(service.container)
    credential = SecretCredential(client_id=client.id, secret=Secret(client.secret))
    return _admission(service, credential, purpose=TokenPurpose.CLAIM_STATUS)


@act("admit_client", AuditEventType.CLIENT_REFUSED, reason="assertion_replayed")
async def a_clients_assertion_comes_twice(service: Service) -> Scene:
    client = await KeyClient.registered(service.container)
    assertion = Secret(client.assertion(service.clock.now()))
    scene = _admission(service, AssertionCredential(assertion=assertion, client_id=None))
    await scene.happen()
    return scene
