"""What a sign-in, a validation and a use of VA's token cost on the way to PostgreSQL and back."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import pytest

from adapters.postgres.pool import Pool, build_pool, opened
from application.use_cases.clients.admit_client import AdmitClientCommand
from domain.secret import Secret
from domain.service_client import AssertionCredential, ClientCredential, SecretCredential
from tests.support.builders import a_visitor, an_identity
from tests.support.postgres_wire import Wire, tapped
from tests.support.service import Begun, Service, a_service
from tests.support.service_clients import PURPOSE, KeyClient, SecretClient
from tests.support.storage import postgres_storage
from tests.support.va_tokens import a_use, use

pytestmark = pytest.mark.postgres

#: Statements are prepared when they have been used a few times; then they cost no more again.
USES_UNTIL_PREPARED: Final = 12


@pytest.fixture
async def wire(database_url: str) -> AsyncIterator[Wire]:
    async with tapped(database_url) as wire:
        yield wire


@pytest.fixture
async def watched_pool(wire: Wire) -> AsyncIterator[Pool]:
    async with opened(build_pool(wire.database_url, max_size=1)) as pool:
        await pool.wait()
        yield pool


@pytest.fixture
async def service(watched_pool: Pool) -> Service:
    """A service that has been running for a while."""
    service = a_service(postgres_storage(watched_pool))
    identity = an_identity()
    for _ in range(USES_UNTIL_PREPARED):
        grant = (await service.sign_in(identity)).grant
        await service.validate(grant.token)
    return service


async def round_trips(wire: Wire, call: Callable[[], Awaitable[object]]) -> int:
    wire.reset()
    await call()
    return wire.round_trips


async def consume(service: Service, begun: Begun) -> None:
    secrets = begun.started.secrets
    await service.storage.login_attempts.consume(
        state_hash=secrets.state_hash,
        browser_hash=secrets.browser_hash,
        now=service.clock.now(),
    )


async def test_a_round_trip_is_what_it_takes_to_hear_an_answer(
    wire: Wire, watched_pool: Pool
) -> None:
    async with watched_pool.connection() as connection:
        for statements in (1, 2, 5):
            wire.reset()
            for _ in range(statements):
                await connection.execute("SELECT 1", prepare=False)
            assert wire.round_trips == statements
        wire.reset()
        async with connection.pipeline():
            for _ in range(5):
                await connection.execute("SELECT 1", prepare=False)
        assert wire.round_trips == 1


@pytest.mark.parametrize("is_new", [False, True])
async def test_a_sign_ins_unit_of_work_takes_two_round_trips(
    service: Service,
    wire: Wire,
    is_new: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    identity = an_identity()
    if not is_new:
        await service.sign_in(identity)
    begun = await service.begin(identity)
    consuming = await round_trips(wire, lambda: consume(service, begun))
    begun = await service.begin(identity)
    whole = await round_trips(wire, lambda: service.complete(begun.callback()))

    assert consuming == 1
    # One to find or make the user, and one for all the rest with the commit.
    assert whole - consuming == 2
    assert whole == 3


async def test_a_validation_takes_one_round_trip(service: Service, wire: Wire) -> None:
    grant = (await service.sign_in()).grant

    assert await round_trips(wire, lambda: service.validate(grant.token)) == 1


async def test_beginning_a_sign_in_takes_one_round_trip(service: Service, wire: Wire) -> None:
    assert await round_trips(wire, service.start) == 1


async def test_a_use_of_vas_token_takes_five_round_trips(service: Service, wire: Wire) -> None:
    grant = (await service.sign_in()).grant
    for _ in range(USES_UNTIL_PREPARED):
        await use(service.container, a_use(grant))

    # User, session, tokens and key are read one after the other; the audit goes with the commit.
    assert await round_trips(wire, lambda: use(service.container, a_use(grant))) == 5


async def admit(service: Service, credential: ClientCredential) -> None:
    command = AdmitClientCommand(
        credential=credential, purpose=PURPOSE, scopes=None, visitor=a_visitor()
    )
    await service.container.admit_client().execute(command)


async def test_a_back_end_is_admitted_in_two_round_trips_and_by_an_assertion_in_three(
    service: Service, wire: Wire
) -> None:
    by_secret = await SecretClient.registered(service.container)
    by_key = await KeyClient.registered(service.container)
    secret = SecretCredential(client_id=by_secret.id, secret=Secret(by_secret.secret))

    def assertion() -> AssertionCredential:
        text = by_key.assertion(service.clock.now())
        return AssertionCredential(assertion=Secret(text), client_id=None)

    for _ in range(USES_UNTIL_PREPARED):
        await admit(service, secret)
        await admit(service, assertion())
    shown = assertion()

    # One to read the client, and one to end the unit; one more to use the assertion up.
    assert await round_trips(wire, lambda: admit(service, secret)) == 2
    assert await round_trips(wire, lambda: admit(service, shown)) == 3
