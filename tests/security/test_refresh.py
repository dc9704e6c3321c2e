"""Cases 47 to 58: what may come of a refresh of VA's tokens, from whoever answers it."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Final

import pytest

from application.errors import (
    ApplicationError,
    ProviderUnavailableError,
    VAScopeNotGrantedError,
    VASignInNeededError,
)
from application.use_cases.va_access.use_va_token import UsableVAToken, UseVATokenCommand
from domain.secret import Secret
from domain.va_token_refresh import RefreshState
from domain.va_token_use import TokenPurpose
from domain.va_tokens import TokenField, VATokens
from tests.security.test_token_endpoint import (
    CANARY,
    NO_LIFETIMES,
    ODD_ANSWERS,
    RAW,
    TOKEN,
    raw_server,
    tls_server,
)
from tests.support.builders import a_visitor
from tests.support.hostile_provider import (
    ABSENT,
    HostileProvider,
    compact,
    never,
    redirecting,
    rsa_key,
    saying,
)
from tests.support.product import Product, running_product
from tests.support.service import opened_tokens

KEYS = "/certs.json"
#: A session that outlives everything that is remembered of the provider.
LONG: Final[dict[str, Any]] = {
    "session_idle_minutes": 48 * 60,
    "session_absolute_minutes": 48 * 60,
}
#: The provider's access tokens last a quarter of an hour.
LIFETIME = timedelta(seconds=900)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True)
class Link:
    """A signed-in Veteran whose access token has expired."""

    product: Product
    provider: HostileProvider

    async def use(self, *scopes: str) -> UsableVAToken:
        (session,) = self.product.sessions
        return await self.product.container.use_va_token().execute(
            UseVATokenCommand(
                user_id=session.user_id,
                session_id=session.id,
                client_id="claims-service",
                purpose=TokenPurpose.CLAIM_STATUS,
                scopes=frozenset(scopes),
                visitor=a_visitor(),
            )
        )

    async def fail(self, kind: type[ApplicationError]) -> ApplicationError:
        with pytest.raises(kind) as raised:
            await self.use()
        assert type(raised.value) is kind
        return raised.value

    async def fail_for_now(self, reason: str | None = None) -> None:
        """It fails, once at VA, and the next attempt after the pause succeeds."""
        before = await self.tokens()
        error = await self.fail(ProviderUnavailableError)
        assert isinstance(error, ProviderUnavailableError)
        assert error.retry_after == SECOND
        assert reason in {None, *self.refusals[-1:]}
        assert self.state.needs_sign_in_at is None
        assert await self.tokens() == before
        assert not self.product.store.committed.va_revocations

    async def fail_and_go_on_with_the_newer_refresh_token(self, reason: str) -> None:
        """It fails for now, and nothing of VA's answer is used but to ask again."""
        before = await self.tokens()
        error = await self.fail(ProviderUnavailableError)
        assert isinstance(error, ProviderUnavailableError)
        assert error.retry_after == SECOND
        newer = newest_refresh_token(self)
        assert newer != before.refresh_token
        assert await self.tokens() == replace(before, refresh_token=newer)
        assert self.refusals == [reason]
        assert self.state.needs_sign_in_at is None
        assert not self.product.store.committed.va_revocations

        self.provider.recover()
        await self.succeed_later()
        assert self.refusals == [reason]

    async def fail_for_good(self, reason: str) -> None:
        """It fails, once at VA, and until there is a new sign-in."""
        for _ in range(3):
            await self.fail(VASignInNeededError)
        assert self.refusals == [reason]
        assert self.state.needs_sign_in_at is not None

    async def succeed_later(self) -> None:
        self.product.clock.advance(SECOND)
        await self.use()

    async def tokens(self) -> VATokens:
        (session,) = self.product.sessions
        tokens = await opened_tokens(self.product.container, session.user_id)
        assert tokens is not None
        return tokens

    @property
    def state(self) -> RefreshState:
        (state,) = self.product.store.committed.va_token_states.values()
        return state

    @property
    def refusals(self) -> list[str]:
        return [
            str(event.data["reason"])
            for event in self.product.audit
            if event.type == "va_refresh_refused"
        ]


@pytest.fixture
async def link(product: Product, provider: HostileProvider) -> Link:
    return await a_link(product, provider)


async def a_link(product: Product, provider: HostileProvider) -> Link:
    await product.sign_in()
    product.clock.advance(LIFETIME)
    provider.requests.clear()
    return Link(product=product, provider=provider)


async def test_a_refresh_of_this_provider_works(link: Link) -> None:
    """So that the failures below are failures of what they say."""
    given = await link.use("openid")

    assert given.access_token == (await link.tokens()).access_token
    assert given.expires_at == link.product.clock.now() + LIFETIME
    assert link.provider.exchanges == 1
    (event,) = [each for each in link.product.audit if each.type == "va_tokens_refreshed"]
    assert dict(event.data) == {"generation": 2, "scope": "openid profile email"}


@pytest.mark.case(47)
async def test_invalid_grant_needs_a_new_sign_in_and_nothing_loops(link: Link) -> None:
    link.provider.replies[TOKEN] = saying(
        {"error": "invalid_grant", "error_description": CANARY}, 400
    )
    link.product.secrets.add(CANARY)

    await link.fail_for_good("invalid_grant")

    assert link.provider.exchanges == 1


@pytest.mark.case(48)
@pytest.mark.parametrize("error", ["invalid_client", "unauthorized_client"])
async def test_a_client_that_va_does_not_take_is_an_alarm_and_marks_no_link(
    link: Link, error: str
) -> None:
    link.provider.replies[TOKEN] = saying({"error": error, "error_description": CANARY}, 401)
    link.product.secrets.add(CANARY)

    await link.fail_for_now(error)

    (alarm,) = [line for line in link.product.logged if line["level"] == "error"]
    assert (alarm["event"], alarm["reason"]) == ("va_refresh_refused", error)
    link.provider.replies.clear()
    await link.succeed_later()


def in_a_while(link: Link, seconds: int) -> str:
    return format_datetime(link.product.clock.now() + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.case(49)
@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7", 7),
        ("0", 1),
        ("99999999", 3600),
        ("-5", 1),
        ("1e9", 1),
        ("soon", 1),
        ("", 1),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 1),
        ("Wed, 21 Oct 9999 07:28:00 GMT", 3600),
        ("Wed, 99 Oct 2099 07:28:00 GMT", 1),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_va_that_says_not_now_is_left_alone_for_a_bounded_while(
    link: Link, status: int, said: str, seconds: int
) -> None:
    link.provider.replies[TOKEN] = saying({"error": "x"}, status, Retry_After=said)

    for _ in range(3):
        error = await link.fail(ProviderUnavailableError)
        assert isinstance(error, ProviderUnavailableError)
        assert error.retry_after == timedelta(seconds=seconds)

    assert link.provider.exchanges == 1
    assert link.refusals == ["provider_unavailable"]
    assert link.state.needs_sign_in_at is None


@pytest.mark.case(49)
async def test_a_date_is_a_time_to_ask_again_too(link: Link) -> None:
    said = in_a_while(link, 90)
    link.provider.replies[TOKEN] = saying({}, 503, Retry_After=said)
    error = await link.fail(ProviderUnavailableError)

    assert isinstance(error, ProviderUnavailableError)
    assert error.retry_after == timedelta(seconds=90)


@pytest.mark.case(50)
@pytest.mark.parametrize("target", ["http://localhost:9000/elsewhere", "http://localhost:6666/"])
async def test_a_redirect_is_not_followed(link: Link, target: str) -> None:
    link.provider.replies[TOKEN] = redirecting(target)

    await link.fail_for_now("redirect")

    assert link.provider.requests["/elsewhere"] == 0
    assert not link.product.strays
    link.provider.replies.clear()
    await link.succeed_later()


@pytest.mark.case(51)
@pytest.mark.parametrize(("body", "status"), ODD_ANSWERS.values(), ids=list(ODD_ANSWERS))
async def test_an_answer_that_is_none_is_tried_again_later(
    link: Link, body: bytes, status: int
) -> None:
    link.provider.replies[TOKEN] = saying(body, status)
    link.product.secrets.add(CANARY)

    await link.fail_for_now()

    link.provider.replies.clear()
    await link.succeed_later()


@pytest.mark.case(51)
async def test_an_answer_that_does_not_come_ends_with_the_deadline(
    link: Link,
) -> None:
    link.provider.replies[TOKEN] = never

    await link.fail_for_now("provider_unavailable")


@pytest.mark.case(51)
@pytest.mark.parametrize(
    ("head", "body"), [(head, body) for head, body, _ in RAW.values()], ids=list(RAW)
)
async def test_an_answer_without_end_is_a_bounded_failure(
    provider: HostileProvider, head: bytes, body: Callable[[], AsyncIterator[bytes]]
) -> None:
    sent: list[int] = []
    async with (
        raw_server(head, body, sent) as url,
        running_product(provider=provider, sockets=[url], **PATIENT) as product,
    ):
        link = await an_old_link(product, provider, f"{url}/token")

        await link.fail_for_now()

    assert sum(sent) < 20 * 1024 * 1024


#: So that a session outlives what is remembered of the provider's metadata.
PATIENT: Mapping[str, Any] = {"session_idle_minutes": 120}


async def an_old_link(product: Product, provider: HostileProvider, token_endpoint: str) -> Link:
    """A link whose tokens are refreshed elsewhere than where they came from."""
    link = await a_link(product, provider)
    provider.metadata["token_endpoint"] = token_endpoint
    product.clock.advance(timedelta(hours=1))
    return link


@pytest.mark.case(52)
@pytest.mark.parametrize("text", NO_LIFETIMES)
async def test_expires_in_that_is_none_is_not_taken(link: Link, text: str) -> None:
    link.provider.token_answer = {"expires_in": json.loads(text)}

    await link.fail_and_go_on_with_the_newer_refresh_token("expires_in")


@pytest.mark.case(52)
async def test_a_token_that_is_short_from_the_start_is_given_and_not_refreshed_at_once(
    link: Link,
) -> None:
    link.provider.token_answer = {"expires_in": 5}

    given = await link.use()

    assert given.expires_at == link.product.clock.now() + timedelta(seconds=5)
    assert link.provider.exchanges == 1


@pytest.mark.case(53)
@pytest.mark.parametrize("kind", ["mac", "DPoP", ABSENT, None])
async def test_any_token_type_but_bearer_is_not_taken(link: Link, kind: object) -> None:
    link.provider.token_answer = {"token_type": kind}

    await link.fail_and_go_on_with_the_newer_refresh_token("token_type")


@pytest.mark.case(56)
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"scope": 7}, "scope_malformed"),
        ({"id_token": 7}, "id_token_malformed"),
        ({"access_token": ABSENT}, "access_token_missing"),
    ],
)
async def test_an_answer_that_is_malformed_beside_a_newer_refresh_token_costs_no_link(
    link: Link, answer: dict[str, object], reason: str
) -> None:
    link.provider.token_answer = answer

    await link.fail_and_go_on_with_the_newer_refresh_token(reason)


@pytest.mark.case(54)
async def test_a_scope_that_is_reduced_is_stored_and_enforced(link: Link) -> None:
    link.provider.token_answer = {"scope": "openid"}

    with pytest.raises(VAScopeNotGrantedError):
        await link.use("openid", "email")

    assert (await link.tokens()).scope == "openid"
    assert (await link.use("openid")).scope == "openid"
    assert link.provider.exchanges == 1


@pytest.mark.case(55)
async def test_a_refresh_token_that_is_left_out_keeps_the_old_one(link: Link) -> None:
    before = await link.tokens()
    link.provider.token_answer = {"refresh_token": ABSENT}

    await link.use()

    after = await link.tokens()
    assert after.refresh_token == before.refresh_token
    assert after.access_token != before.access_token


@pytest.mark.case(56)
async def test_an_answer_that_is_lost_after_va_rotated_needs_one_new_sign_in(
    link: Link,
) -> None:
    async def lose(request: Any) -> Any:
        await link.provider.exchange(request)
        return await redirecting("http://localhost:9000/elsewhere")(request)

    link.provider.replies[TOKEN] = lose
    await link.fail(ProviderUnavailableError)
    link.provider.replies.clear()
    link.product.clock.advance(SECOND)

    for _ in range(3):
        await link.fail(VASignInNeededError)

    assert link.provider.exchanges == 2
    assert link.refusals == ["redirect", "invalid_grant"]


@pytest.mark.case(57)
async def test_a_certificate_nobody_vouches_for_gets_no_refresh_token(
    provider: HostileProvider, tmp_path: Path
) -> None:
    received = bytearray()
    async with (
        tls_server(tmp_path, received) as url,
        running_product(provider=provider, sockets=[url], **PATIENT) as product,
    ):
        link = await an_old_link(product, provider, f"{url}/token")

        await link.fail_for_now("provider_unavailable")

    assert not received


STRANGERS: dict[str, tuple[dict[str, object], str]] = {
    "another sub": ({"sub": "auth|somebody-else"}, "another_subject"),
    "no sub": ({"sub": ABSENT}, "id_token_sub"),
    "another iss": ({"iss": "https://another.example"}, "id_token_iss"),
    "another aud": ({"aud": "another-client"}, "id_token_aud"),
    "two aud without azp": ({"aud": ["vet assist/test:1", "another"]}, "id_token_azp"),
    "another azp": ({"azp": "another-client"}, "id_token_azp"),
    "another access token's": ({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, "id_token_at_hash"),
    "expired": ({"exp": 1_000_000_000}, "id_token_expired"),
}


@pytest.mark.case(58)
@pytest.mark.parametrize(("claims", "reason"), STRANGERS.values(), ids=STRANGERS.keys())
async def test_a_refresh_with_an_id_token_of_another_is_refused_and_revoked(
    link: Link, claims: dict[str, object], reason: str
) -> None:
    before = await link.tokens()
    link.provider.claims = claims

    await link.fail_for_good(reason)

    assert await link.tokens() == before
    assert await revocations(link) == {newest_refresh_token(link)}


@pytest.mark.case(58)
async def test_an_id_token_that_nobody_signed_is_refused_and_revoked(link: Link) -> None:
    forger = rsa_key("a-forgers")
    link.provider.forge = lambda header, claims: compact(header, claims, forger.rs256)

    await link.fail_for_good("id_token_signature")

    assert await revocations(link) == {newest_refresh_token(link)}


@pytest.mark.case(58)
async def test_a_refresh_for_another_patient_is_refused_and_revoked(link: Link) -> None:
    link.provider.token_answer = {"patient": "1012861229V078999"}
    link.product.secrets.add("1012861229V078999")

    await link.fail_for_good("another_patient")

    assert await revocations(link) == {newest_refresh_token(link)}


@pytest.mark.case(58)
@pytest.mark.parametrize("patient", [7, " ", ["1012845630V900607"]])
async def test_a_patient_that_is_no_icn_is_another(link: Link, patient: object) -> None:
    link.provider.token_answer = {"patient": patient}

    await link.fail_for_good("another_patient")


@pytest.mark.case(58)
async def test_the_same_patient_is_welcome(link: Link) -> None:
    link.provider.icn_in = "patient"

    await link.use()


async def test_a_refresh_without_an_id_token_is_welcome_and_the_old_one_stays(link: Link) -> None:
    before = await link.tokens()
    link.provider.token_answer = {"id_token": ABSENT}

    await link.use()

    assert (await link.tokens()).id_token == before.id_token


async def test_a_key_that_is_not_published_yet_is_waited_for(link: Link) -> None:
    link.provider.header = {"kid": "not-published-yet"}

    await link.fail_and_go_on_with_the_newer_refresh_token("key_unknown")


@pytest.mark.case(56)
async def test_keys_that_cannot_be_had_afterwards_cost_no_link(link: Link) -> None:
    link.provider.header = {"kid": "not-published-yet"}
    link.provider.replies[KEYS] = saying({}, 503)

    await link.fail_and_go_on_with_the_newer_refresh_token("id_token_unverified")


@pytest.mark.case(56)
async def test_without_keys_the_refresh_token_is_not_shown(
    provider: HostileProvider,
) -> None:
    async with running_product(provider=provider, **LONG) as product:
        link = await a_link(product, provider)
        # What is remembered of the keys does not serve any more.
        product.clock.advance(timedelta(hours=25))
        provider.replies[KEYS] = saying({}, 503)

        await link.fail_for_now("provider_unavailable")

        assert provider.exchanges == 0
        provider.recover()
        await link.succeed_later()


async def revocations(link: Link) -> set[Secret]:
    """What waits in the outbox."""
    container = link.product.container
    opened = set()
    for entry in link.product.store.committed.va_revocations.values():
        key = await container.key_wrapper().unwrap(entry.key)
        token = container.cipher().open(
            entry.token, user_id=entry.user_id, key=key, field=TokenField.REFRESH
        )
        opened.add(token)
    return opened


def newest_refresh_token(link: Link) -> Secret:
    return Secret(link.provider.newest_refresh_token)
