"""VA's tokens in PostgreSQL: altered, moved, unlinked, and revoked by a worker that dies."""

import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

import anyio
import pytest

from adapters.postgres.pool import Pool
from application.ports.token_cipher import SealBrokenError
from application.use_cases.va_access.unlink_va_identity import UnlinkVAIdentityCommand
from domain.identifiers import UserId
from domain.session_grant import SessionGrant
from entrypoints.settings import Settings
from tests.support.builders import a_provider_sign_in, a_visitor, an_identity, some_tokens
from tests.support.databases import change, count_of, rows_of
from tests.support.dump import Dump
from tests.support.environment import plain_environment, required_settings, token_keys
from tests.support.processes import REPOSITORY
from tests.support.product import running_product
from tests.support.service import Service, a_service_with
from tests.support.storage import postgres_storage, standing_of

pytestmark = pytest.mark.postgres

MASTER_KEYS: Final = {key_id: secrets.token_bytes(32) for key_id in ("k1", "k2")}
COLUMNS: Final = (
    "access_token_encrypted",
    "refresh_token_encrypted",
    "id_token_encrypted",
)


@pytest.fixture
def service(own_pool: Pool) -> Service:
    return a_service_with(postgres_storage(own_pool), MASTER_KEYS)


async def a_user(service: Service) -> UserId:
    """One with tokens that can be read."""
    user_id = (await service.sign_in()).grant.session.user_id
    assert await service.stored_tokens(user_id) is not None
    return user_id


async def unlink(service: Service, grant: SessionGrant) -> None:
    command = UnlinkVAIdentityCommand(session=standing_of(grant.session), visitor=a_visitor())
    await service.container.unlink_va_identity().execute(command)


#: What a writer of the database may do to a user's row, given another's.
FORGERIES: Final[Mapping[str, str]] = {
    "another column's": "UPDATE vetassist_va_tokens SET access_token_encrypted = "
    "refresh_token_encrypted WHERE user_id = '{user}'",
    "two columns swapped": "UPDATE vetassist_va_tokens SET refresh_token_encrypted = "
    "id_token_encrypted, id_token_encrypted = refresh_token_encrypted WHERE user_id = '{user}'",
    "another user's key": "UPDATE vetassist_users AS mine SET data_key = other.data_key "
    "FROM vetassist_users AS other WHERE mine.id = '{user}' AND other.id = '{other}'",
    "no key": "UPDATE vetassist_users SET data_key = NULL WHERE id = '{user}'",
    "another version of the key": "UPDATE vetassist_users SET data_key_version = 2 "
    "WHERE id = '{user}'",
    "another master key": "UPDATE vetassist_users SET data_key_master_id = 'k2' "
    "WHERE id = '{user}'",
    "an unknown master key": "UPDATE vetassist_users SET data_key_master_id = 'k9' "
    "WHERE id = '{user}'",
    "a bit of the key flipped": "UPDATE vetassist_users SET data_key = "
    "set_bit(data_key, 13, 1 - get_bit(data_key, 13)) WHERE id = '{user}'",
    "the key cut": "UPDATE vetassist_users SET data_key = substr(data_key, 1, 40) "
    "WHERE id = '{user}'",
} | {
    f"{column}, {name}": f"UPDATE vetassist_va_tokens AS mine SET {column} = {value} "
    "FROM vetassist_va_tokens AS other "
    "WHERE mine.user_id = '{user}' AND other.user_id = '{other}'"
    for column in COLUMNS
    for name, value in {
        "another user's": f"other.{column}",
        "a bit flipped": f"set_bit(mine.{column}, 99, 1 - get_bit(mine.{column}, 99))",
        "cut": f"substr(mine.{column}, 1, length(mine.{column}) - 4)",
        "empty": "''",
        "an unknown key": f"overlay(mine.{column} PLACING 'v2.9.'::bytea FROM 1)",
        "an unknown form": f"overlay(mine.{column} PLACING 'v3'::bytea FROM 1)",
    }.items()
}


@pytest.mark.case(92)
@pytest.mark.parametrize("forgery", FORGERIES)
async def test_what_was_moved_or_altered_in_the_database_does_not_open(
    service: Service, own_database: str, forgery: str
) -> None:
    user, other = [await a_user(service) for _ in range(2)]
    change(own_database, FORGERIES[forgery].format(user=user, other=other))

    with pytest.raises(SealBrokenError):
        await service.stored_tokens(user)
    assert await service.stored_tokens(other) is not None


@pytest.mark.case(92)
async def test_a_key_that_does_not_open_keeps_nobody_out_and_is_replaced_on_record(
    service: Service, own_database: str
) -> None:
    identity = an_identity()
    user = await service.link(identity)
    change(own_database, "UPDATE vetassist_users SET data_key = 'altered'")

    await service.sign_in(identity)

    assert await service.stored_tokens(user.id) is not None
    assert rows_of(own_database, "SELECT id, data_key_version FROM vetassist_users") == [
        {"id": user.id, "data_key_version": 2}
    ]
    replaced = "SELECT user_id FROM vetassist_auth_audit WHERE event_type = 'data_key_replaced'"
    assert rows_of(own_database, replaced) == [{"user_id": user.id}]


def keys_of(settings: Settings) -> dict[str, bytes]:
    return {key_id: key.reveal() for key_id, key in settings.token_keys.items()}


async def test_after_an_unlink_the_database_yields_no_token_even_with_the_master_keys(
    own_database: str, own_pool: Pool
) -> None:
    async with running_product(pool=own_pool) as product:
        signed_in = await product.sign_in()
        held = Dump.of(own_database).opened(keys_of(product.settings))
        # So much for whether this finds what there is to find: access, refresh and ID token.
        assert len(held) == 3
        assert len(held & product.provider.secrets) == 2

        answer = await signed_in.browser.delete("/api/v1/va/link", headers=signed_in.headers)

        assert answer.status_code == 204
        assert count_of(own_database, "vetassist_va_revocations") == 0
        dump = Dump.of(own_database)
        assert dump.opened(keys_of(product.settings)) == set()
        whole = b"\n".join(dump.values)
        assert not [token for token in held if token.encode() in whole]


async def test_while_va_is_down_the_outbox_holds_the_one_token_that_is_to_be_revoked(
    own_database: str, own_pool: Pool
) -> None:
    async with running_product(pool=own_pool) as product:
        signed_in = await product.sign_in()
        product.faults(revoke={"answer": 503})
        answer = await signed_in.browser.delete("/api/v1/va/link", headers=signed_in.headers)
        assert answer.status_code == 204
        (token,) = Dump.of(own_database).opened(keys_of(product.settings))
        assert product.sandbox.introspect(token)["active"]

        product.faults()
        product.clock.advance(timedelta(minutes=1))
        await product.container.revoke_at_va().execute()

        assert not product.sandbox.introspect(token)["active"]
        assert Dump.of(own_database).opened(keys_of(product.settings)) == set()


@pytest.mark.case(84)
async def test_an_unlink_that_races_a_sign_in_leaves_all_or_nothing(
    service: Service, own_database: str
) -> None:
    identity = an_identity()
    for _ in range(20):
        grant = (await service.sign_in(identity)).grant
        tokens = some_tokens()
        begun = await service.begin(a_provider_sign_in(identity, tokens))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(unlink, service, grant)
            tasks.start_soon(service.complete, begun.callback())

        (row,) = rows_of(own_database, "SELECT id, data_key FROM vetassist_users")
        stored = await service.stored_tokens(row["id"])
        assert stored in (None, tokens)
        assert (row["data_key"] is None) is (stored is None)


async def test_a_worker_that_dies_after_vas_answer_loses_no_entry(
    service: Service, own_database: str, tmp_path: Path
) -> None:
    tokens = some_tokens()
    grant = (await service.sign_in(a_provider_sign_in(tokens=tokens))).grant
    await unlink(service, grant)
    log = tmp_path / "revoked"
    environment = (
        plain_environment()
        | required_settings(own_database)
        | {"VETASSIST_TOKEN_KEYS": token_keys(MASTER_KEYS), "PYTHONPATH": str(REPOSITORY)}
    )
    worker = await anyio.to_thread.run_sync(
        lambda: subprocess.run(
            [sys.executable, "-m", "tests.integration.outbox_worker", own_database, str(log)],
            cwd=REPOSITORY,
            env=environment,
            timeout=60,
            check=False,
        )
    )
    assert worker.returncode == -signal.SIGKILL
    assert log.read_text() == "True\n"
    assert count_of(own_database, "vetassist_va_revocations") == 1

    # While the dead one might still be at it, nobody else asks; then somebody does.
    revoke = service.container.revoke_at_va()
    assert (await revoke.execute()).done == 0
    service.clock.advance(timedelta(minutes=5))
    assert (await revoke.execute()).done == 1
    assert service.provider.revoked == {tokens.refresh_token: True}
    assert count_of(own_database, "vetassist_va_revocations") == 0
