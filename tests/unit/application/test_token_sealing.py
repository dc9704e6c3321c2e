"""Sealing and opening a user's tokens."""

import secrets
from dataclasses import replace
from typing import Final

import pytest

from adapters.memory.store import MemoryStore
from application.ports.token_cipher import SealBrokenError
from application.token_sealing import TokenSealing
from domain.audit_event import AuditEventType
from domain.identifiers import UserId
from domain.va_tokens import SealedVATokens, TokenField, VATokens
from tests.support.builders import a_data_key, a_user_id, an_identity, some_tokens
from tests.support.early_tokens import sealed_early
from tests.support.service import Service, a_service_with
from tests.support.storage import memory_storage

MASTER_KEY: Final = secrets.token_bytes(32)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def service(store: MemoryStore) -> Service:
    """With the real cryptography."""
    return a_service_with(memory_storage(store), {"k1": MASTER_KEY})


@pytest.fixture
def sealing(service: Service) -> TokenSealing:
    built: TokenSealing = service.container.token_sealing()
    return built


def early(tokens: VATokens, user_id: UserId) -> SealedVATokens:
    """Sealed as it was before there were data keys."""
    assert tokens.refresh_token is not None
    access, refresh = (
        sealed_early(token, master_key_id="k1", master_key=MASTER_KEY, user_id=user_id, field=field)
        for token, field in (
            (tokens.access_token, TokenField.ACCESS),
            (tokens.refresh_token, TokenField.REFRESH),
        )
    )
    return SealedVATokens(
        user_id=user_id,
        access_token=access,
        refresh_token=refresh,
        id_token=None,
        token_type=tokens.token_type,
        scope=tokens.scope,
        expires_at=tokens.expires_at,
    )


@pytest.mark.parametrize("refresh", [True, False])
def test_what_was_sealed_opens_again_and_what_was_left_out_stays_so(
    sealing: TokenSealing,
    refresh: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    key, tokens = a_data_key(), replace(some_tokens(refresh=refresh))
    sealed = sealing.seal(tokens, key)

    assert (sealed.refresh_token is None) is not refresh
    assert sealing.open(sealed, key) == tokens


def test_early_tokens_open_without_a_key_and_beside_one(sealing: TokenSealing) -> None:
    user_id = a_user_id()
    tokens = replace(some_tokens(), id_token=None)
    sealed = early(tokens, user_id)

    assert sealing.open(sealed, None) == tokens
    assert sealing.open(sealed, a_data_key(user_id)) == tokens


def test_an_early_refresh_token_opens_beside_a_newer_access_token(sealing: TokenSealing) -> None:
    key = a_data_key()
    old, new = some_tokens(), some_tokens()
    mixed = replace(sealing.seal(new, key), refresh_token=early(old, key.user_id).refresh_token)

    assert sealing.open(mixed, key) == replace(new, refresh_token=old.refresh_token)


@pytest.mark.case(92)
def test_one_broken_token_breaks_the_set(sealing: TokenSealing) -> None:
    key = a_data_key()
    sealed = sealing.seal(some_tokens(), key)

    for change in (
        {"access_token": sealed.refresh_token},
        {"refresh_token": sealed.id_token},
        {"id_token": sealed.access_token},
        {"user_id": a_user_id()},
    ):
        with pytest.raises(SealBrokenError):
            sealing.open(replace(sealed, **change), key)


async def test_the_first_sign_in_makes_the_key_and_the_next_ones_use_it(
    service: Service, store: MemoryStore
) -> None:
    identity = an_identity()
    user = await service.link(identity)
    key = store.committed.data_keys[user.id]
    await service.link(identity)

    assert store.committed.data_keys == {user.id: key}


async def test_a_sign_in_upgrades_early_tokens(service: Service, store: MemoryStore) -> None:
    identity, tokens = an_identity(), some_tokens()
    user = await service.link(identity)
    del store.committed.data_keys[user.id]
    store.committed.va_tokens[user.id] = early(some_tokens(), user.id)
    await service.link(identity, tokens)

    row = store.committed.va_tokens[user.id]
    assert row.access_token.startswith(b"v2.1.")
    assert await service.stored_tokens(user.id) == tokens


@pytest.mark.case(92)
async def test_what_a_spoilt_key_sealed_goes_with_it_and_the_sign_in_goes_on(
    service: Service, store: MemoryStore
) -> None:
    identity = an_identity()
    user = await service.link(identity)
    keys = store.committed.data_keys
    keys[user.id] = replace(keys[user.id], box=b"altered")
    spoilt = store.committed.va_tokens[user.id]

    tokens = replace(some_tokens(), refresh_token=None)
    await service.link(identity, tokens)

    kept = store.committed.va_tokens[user.id]
    assert kept.refresh_token is None
    assert kept.access_token != spoilt.access_token
    assert keys[user.id] != store.committed.data_keys[user.id]
    assert store.committed.data_keys[user.id].version == 2
    event = store.committed.audit[-1]
    assert (event.type, event.user_id) == (AuditEventType.DATA_KEY_REPLACED, user.id)
    assert event.data == {"master_key": keys[user.id].master_key_id}
