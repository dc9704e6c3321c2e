"""What a registered back end is."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.errors import InvalidServiceClientError
from domain.secret import Secret
from domain.service_client import (
    ClientId,
    ClientKey,
    ClientMethod,
    ServiceClient,
    parse_client_id,
)
from domain.va_token_use import TokenPurpose
from tests.support.builders import NOW, a_user_id
from tests.support.service_clients import PURPOSE, SCOPE, a_client, a_client_key

EVERYTHING = frozenset(TokenPurpose)


def register(
    name: str = "Benefits assistant",
    purposes: frozenset[TokenPurpose] = EVERYTHING,
    scopes: frozenset[str] = frozenset({SCOPE}),
) -> ServiceClient:
    return ServiceClient.register(
        client_id=ClientId(a_user_id()),
        name=name,
        credential=Secret("s"),
        purposes=purposes,
        scopes=scopes,
        now=NOW,
    )


def test_a_client_has_a_key_or_a_secret() -> None:
    assert a_client(key=a_client_key()).method is ClientMethod.PRIVATE_KEY_JWT
    assert a_client(secret=Secret("s")).method is ClientMethod.CLIENT_SECRET


def test_a_client_knows_its_secret_and_no_other() -> None:
    client = a_client(secret=Secret("the right one"))

    assert client.knows(Secret("the right one"))
    for wrong in ("", "the right one ", "the wrong one", "\ud800"):
        assert not client.knows(Secret(wrong))
    assert not a_client(key=a_client_key()).knows(Secret(""))


def test_the_secret_is_in_nothing_that_is_kept_or_shown() -> None:
    client = a_client(secret=Secret("canary-secret"))

    assert "canary-secret" not in repr(client)
    assert b"canary-secret" not in b"".join(client.secret_hashes)
    assert client.secret_hashes[0].hex() not in repr(client)


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\nb", "a\x1b[31m", "a\x00", "a\u202eb"])
def test_a_name_that_a_veteran_could_not_read_is_refused(name: str) -> None:
    with pytest.raises(InvalidServiceClientError) as refused:
        register(name=name)
    assert str(refused.value) == "the name must be 1 to 80 printable characters"


@pytest.mark.parametrize("name", ["x", "x" * 80])
def test_a_name_has_1_to_80_characters(name: str) -> None:
    assert register(name=name).name == name


def test_a_name_is_kept_without_the_space_around_it() -> None:
    assert register(name=" Zoë's helper ").name == "Zoë's helper"


@pytest.mark.parametrize("scopes", [set(), {""}, {"a b"}, {'a"b'}, {"a\\b"}, {"ä"}, {"x" * 129}])
def test_a_scope_is_one_clean_word(scopes: set[str]) -> None:
    with pytest.raises(InvalidServiceClientError) as refused:
        register(scopes=frozenset(scopes))
    assert str(refused.value) == "at least one scope is required, each a single word"


def test_a_client_without_a_purpose_is_refused() -> None:
    with pytest.raises(InvalidServiceClientError) as refused:
        register(purposes=frozenset())
    assert str(refused.value) == "at least one purpose is required"


def test_disabling_changes_nothing_else() -> None:
    client = a_client()
    later = NOW + timedelta(days=1)
    disabled = client.disabled(later)

    assert (disabled.disabled_at, disabled.id, disabled.purposes) == (
        later,
        client.id,
        frozenset({PURPOSE}),
    )


def test_a_clients_id_has_one_spelling() -> None:
    client_id = a_client().id

    assert parse_client_id(str(client_id)) == client_id
    for other in (str(client_id).upper(), f"{{{client_id}}}", client_id.hex, f"{client_id} ", ""):
        assert parse_client_id(other) is None or other == str(client_id)


KEY, OTHER_KEY = a_client_key("k1"), a_client_key("k2", x="2")


@pytest.mark.parametrize(
    ("client", "credential", "message"),
    [
        (a_client(secret=Secret("s")), KEY, "the client has a secret, not a key"),
        (a_client(key=KEY), Secret("s"), "the client has a key, not a secret"),
        (a_client().disabled(NOW), Secret("s"), "the client is disabled"),
        (a_client(key=KEY), KEY, "the client already has that key or its kid"),
        (
            a_client(key=KEY),
            replace(OTHER_KEY, id=KEY.id),
            "the client already has that key or its kid",
        ),
        (
            a_client(key=KEY),
            replace(OTHER_KEY, jwk=KEY.jwk),
            "the client already has that key or its kid",
        ),
    ],
)
def test_a_new_credential_is_a_new_one_of_the_same_kind(
    client: ServiceClient, credential: ClientKey | Secret, message: str
) -> None:
    with pytest.raises(InvalidServiceClientError) as refused:
        client.rotated(credential)
    assert str(refused.value) == message


def test_a_newer_key_stands_before_the_older_one() -> None:
    rotated = a_client(key=KEY).rotated(OTHER_KEY)
    assert rotated.keys == (OTHER_KEY, KEY)
    assert rotated.retired().keys == (OTHER_KEY,)
