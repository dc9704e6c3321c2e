"""What every IdentityProvider promises, run against each adapter.

The one that speaks HTTP talks to the simulated VA, inside this process.
"""

import json
import re
from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Protocol, final
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from adapters.memory.identity_provider import MemoryIdentityProvider
from adapters.va_oauth.bulkhead import BulkheadLimits
from adapters.va_oauth.identity_provider import VAIdentityProvider
from adapters.va_oauth.settings import ProviderSettings
from application.errors import (
    GrantExpiredError,
    IssuerChangedError,
    ProviderBusyError,
    ProviderUnavailableError,
    RequestRefusedByProviderError,
    UnwantedTokensError,
    UpstreamRejectedError,
)
from application.ports.identity_provider import (
    CallbackParameters,
    IdentityProvider,
    ProviderSignIn,
)
from application.sign_in_errors import (
    MalformedCallbackError,
    SignInDeniedError,
)
from domain.identifiers import ICN
from domain.login_attempt import LoginSecrets
from domain.secret import Secret
from domain.va_identity import VAAccount, VAIdentity
from domain.va_tokens import VATokens
from domain.veteran_status import VeteranStatus
from entrypoints.sandbox.app import create_sandbox
from entrypoints.sandbox.documents import OAUTH_BASE, STATUS_PATH
from entrypoints.sandbox.settings import SandboxSettings
from entrypoints.sandbox.signing import SigningKey
from entrypoints.sandbox.veterans import TEST_VETERANS, Veteran
from entrypoints.sandbox.world import World
from tests.support.builders import (
    ISSUER,
    NOW,
    a_callback,
    an_identity,
    some_login_secrets,
    some_tokens,
)
from tests.support.frozen_clock import frozen_clock
from tests.support.httpx_wire import HttpxWire

SCOPE = "openid profile offline_access veteran_status.read"
_OPTIONAL = ("refresh_token", "scope", "id_token")
TAMARA = TEST_VETERANS[0]
ACCOUNT = VAAccount(issuer=ISSUER, subject=TAMARA.okta_id)
TAMARAS_ICN = ICN(TAMARA.icn or "")
NO_ICN = next(veteran for veteran in TEST_VETERANS if veteran.icn is None)


class ProviderWorld(Protocol):
    """A provider, and what can be done to the world behind it."""

    @property
    @abstractmethod
    def provider(self) -> IdentityProvider: ...

    @abstractmethod
    async def consent(self, authorization_url: str, veteran: Veteran) -> Secret:
        """Let a Veteran sign in where the URL leads; returns the code."""

    @abstractmethod
    def go_down(self, retry_after: timedelta | None = None) -> None: ...

    @abstractmethod
    def come_back(self) -> None: ...

    @abstractmethod
    def full(self) -> AbstractAsyncContextManager[None]:
        """As many sign-ins are in progress as may be, until the block ends."""

    @abstractmethod
    def refuse(self) -> None:
        """Let every exchange and every revocation be refused."""

    @abstractmethod
    def rotate(self) -> None:
        """Let each refresh replace the refresh token."""

    @abstractmethod
    def keep_to_itself(self) -> None:
        """Let each refresh leave the refresh token and the scope out of its answer."""

    @abstractmethod
    def reduce_scope(self, scope: str) -> None:
        """Let each refresh grant no more than this."""

    @abstractmethod
    def mistake_everybody_for(self, *, subject: str, icn: ICN) -> None:
        """Let each refresh answer with tokens of that account and person."""

    @abstractmethod
    def is_revoked(self, token: Secret) -> bool:
        """Whether the provider was asked to revoke a token."""


@final
class MemoryWorld(ProviderWorld):
    def __init__(self) -> None:
        self._provider = MemoryIdentityProvider(issuer=ISSUER, clock=frozen_clock())
        self._provider.is_rotating = False

    @property
    def provider(self) -> IdentityProvider:
        return self._provider

    async def consent(self, authorization_url: str, veteran: Veteran) -> Secret:
        identity = VAIdentity(
            issuer=ISSUER,
            subject=veteran.okta_id,
            icn=None if veteran.icn is None else ICN(veteran.icn),
            status=VeteranStatus(veteran.status),
            given_name=veteran.given_name,
            family_name=veteran.family_name,
            email=veteran.email,
            is_complete=True,
        )
        signed_in = ProviderSignIn(identity=identity, tokens=some_tokens())
        return self._provider.consent(authorization_url, signed_in)

    def go_down(self, retry_after: timedelta | None = None) -> None:
        self._provider.go_down(retry_after)

    def come_back(self) -> None:
        self._provider.come_back()

    @asynccontextmanager
    async def full(self) -> AsyncIterator[None]:
        self._provider.is_full = True
        yield
        self._provider.is_full = False

    def refuse(self) -> None:
        self._provider.refuse(GrantExpiredError())

    def rotate(self) -> None:
        self._provider.is_rotating = True

    def keep_to_itself(self) -> None:
        self._provider.is_terse = True

    def reduce_scope(self, scope: str) -> None:
        self._provider.scope = scope

    def mistake_everybody_for(self, *, subject: str, icn: ICN) -> None:
        identity = replace(an_identity(icn), subject=subject)
        self._provider.mistake_everybody_for(identity)

    def is_revoked(self, token: Secret) -> bool:
        return token in self._provider.revoked


@final
class SandboxWorld(ProviderWorld):
    def __init__(self, signing_key: SigningKey) -> None:
        settings = SandboxSettings(
            client_id="vetassist",
            client_secret="a-secret",
            redirect_uris=("http://localhost:8000/api/v1/va/callback",),
            issuer=ISSUER,
        )
        clock = frozen_clock()
        self.world = World(settings, clock=lambda: clock.now().timestamp(), signing_key=signing_key)
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(create_sandbox(settings, world=self.world)),
            base_url=settings.public_url,
        )
        self._provider = VAIdentityProvider(
            settings=ProviderSettings(
                discovery_url=(
                    f"{settings.public_url}{OAUTH_BASE}/.well-known/openid-configuration"
                ),
                issuer=ISSUER,
                client_id=settings.client_id,
                client_secret=Secret(settings.client_secret),
                scopes=tuple(SCOPE.split()),
                redirect_uri=settings.redirect_uris[0],
                status_url=f"{settings.public_url}{STATUS_PATH}",
            ),
            wire=HttpxWire(self.http),
            clock=clock,
            sign_in_limits=BulkheadLimits(in_progress=1, waiting=0),
        )

    @property
    def provider(self) -> IdentityProvider:
        return self._provider

    async def consent(self, authorization_url: str, veteran: Veteran) -> Secret:
        page = await self.http.get(authorization_url)
        request_id = page.text.split('name="request" value="')[1].split('"')[0]
        form = {"request": request_id, "veteran": veteran.key}
        answer = await self.http.post(f"{OAUTH_BASE}/authorization", data=form)
        return Secret(parse_qs(urlsplit(answer.headers["location"]).query)["code"][0])

    def go_down(self, retry_after: timedelta | None = None) -> None:
        seconds = "" if retry_after is None else str(int(retry_after.total_seconds()))
        down = {"answer": 503, "retry_after": seconds or "0"}
        self.world.faults.replace(dict.fromkeys(("discovery", "keys", "token", "revoke"), down))

    def come_back(self) -> None:
        self.world.faults.clear()

    def full(self) -> AbstractAsyncContextManager[None]:
        return self._provider.room_for_sign_in()

    def refuse(self) -> None:
        code, token = [
            {"answer": 400, "body": json.dumps({"error": error})}
            for error in ("invalid_grant", "unsupported_token_type")
        ]
        self.world.faults.replace({"token": code, "revoke": token})

    def rotate(self) -> None:
        self.world.faults.replace({"rotate_refresh_tokens": {}})

    def keep_to_itself(self) -> None:
        self.world.faults.replace({"token_overrides": {"value": dict.fromkeys(_OPTIONAL)}})

    def reduce_scope(self, scope: str) -> None:
        self.world.faults.replace({"token_overrides": {"value": {"scope": scope}}})

    def mistake_everybody_for(self, *, subject: str, icn: ICN) -> None:
        self.world.faults.replace(
            {
                "id_token_overrides": {"value": {"sub": subject}},
                "token_overrides": {"value": {"patient": icn.value}},
            }
        )

    def is_revoked(self, token: Secret) -> bool:
        return not self.world.introspect(token.reveal())["active"]


@pytest.fixture(scope="module")
def signing_key() -> SigningKey:
    return SigningKey.generate()


@pytest.fixture(params=["memory", "va_oauth"])
async def world(
    request: pytest.FixtureRequest, signing_key: SigningKey
) -> AsyncIterator[ProviderWorld]:
    if request.param == "memory":
        yield MemoryWorld()
        return
    sandbox = SandboxWorld(signing_key)
    async with sandbox.http:
        yield sandbox


async def a_code(world: ProviderWorld, secrets: LoginSecrets, veteran: Veteran = TAMARA) -> Secret:
    return await world.consent(await world.provider.authorization_url(secrets), veteran)


async def sign_in(world: ProviderWorld, code: Secret, secrets: LoginSecrets) -> ProviderSignIn:
    return await call_back(world, secrets, {"code": code.reveal()})


async def call_back(
    world: ProviderWorld, secrets: LoginSecrets, parameters: Mapping[str, str]
) -> ProviderSignIn:
    callback = world.provider.read_callback(a_callback(parameters))
    return await world.provider.sign_in(callback, secrets)


async def test_the_browser_is_sent_off_with_state_nonce_and_challenge(
    world: ProviderWorld,
) -> None:
    secrets = some_login_secrets()
    asked = parse_qs(urlsplit(await world.provider.authorization_url(secrets)).query)

    assert asked["response_type"] == ["code"]
    assert asked["state"] == [secrets.state.reveal()]
    assert asked["nonce"] == [secrets.nonce]
    assert asked["code_challenge"] == [secrets.code_challenge]
    assert asked["code_challenge_method"] == ["S256"]


async def test_the_browser_is_not_sent_off_with_what_only_we_may_know(
    world: ProviderWorld,
) -> None:
    secrets = some_login_secrets()
    url = await world.provider.authorization_url(secrets)

    assert secrets.browser.reveal() not in url
    assert secrets.code_verifier.reveal() not in url


async def test_a_code_gives_the_verified_veteran_and_the_tokens(world: ProviderWorld) -> None:
    secrets = some_login_secrets()
    signed_in = await sign_in(world, await a_code(world, secrets), secrets)

    assert TAMARA.icn is not None
    assert signed_in.identity == VAIdentity(
        issuer=ISSUER,
        subject=TAMARA.okta_id,
        icn=ICN(TAMARA.icn),
        status=VeteranStatus.CONFIRMED,
        given_name=TAMARA.given_name,
        family_name=TAMARA.family_name,
        email=TAMARA.email,
        is_complete=True,
    )
    tokens = signed_in.tokens
    assert tokens == VATokens(
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        id_token=tokens.id_token,
        token_type="Bearer",
        scope=SCOPE,
        expires_at=NOW + timedelta(hours=1),
    )
    assert tokens.refresh_token not in {None, tokens.access_token}


@pytest.mark.case(45)
async def test_a_person_without_an_icn_has_none(world: ProviderWorld) -> None:
    secrets = some_login_secrets()
    code = await a_code(world, secrets, NO_ICN)
    identity = (await sign_in(world, code, secrets)).identity

    assert identity.icn is None
    assert identity.subject == NO_ICN.okta_id
    assert identity.is_complete


async def test_when_too_many_sign_ins_are_in_progress_no_more_are_taken_up(
    world: ProviderWorld,
) -> None:
    secrets = some_login_secrets()
    code = await a_code(world, secrets)
    async with world.full():
        with pytest.raises(ProviderBusyError):
            async with world.provider.room_for_sign_in():
                pass
        # While they are refused on the way back, nobody is sent off either.
        with pytest.raises(ProviderBusyError):
            await world.provider.authorization_url(some_login_secrets())

    async with world.provider.room_for_sign_in():
        assert (await sign_in(world, code, secrets)).identity.icn == TAMARAS_ICN


async def test_a_refresh_and_a_revocation_need_no_room_among_the_sign_ins(
    world: ProviderWorld,
) -> None:
    tokens = await some_live_tokens(world)
    assert tokens.refresh_token is not None
    async with world.full():
        await refreshed(world, tokens.refresh_token)
        await world.provider.revoke(tokens.refresh_token, is_refresh_token=True)

    assert world.is_revoked(tokens.refresh_token)


async def test_a_code_is_worth_something_once(world: ProviderWorld) -> None:
    secrets = some_login_secrets()
    code = await a_code(world, secrets)
    await sign_in(world, code, secrets)

    with pytest.raises(UpstreamRejectedError):
        await sign_in(world, code, secrets)


@pytest.mark.case(47)
async def test_a_code_nobody_gave_is_refused(world: ProviderWorld) -> None:
    with pytest.raises(UpstreamRejectedError):
        await sign_in(world, Secret("a-code-nobody-gave"), some_login_secrets())


@pytest.mark.case(24)
async def test_a_code_from_another_attempt_is_refused(world: ProviderWorld) -> None:
    attackers, victims = some_login_secrets(), some_login_secrets()
    injected = await a_code(world, attackers)

    with pytest.raises(UpstreamRejectedError):
        await sign_in(world, injected, victims)


@pytest.mark.case(6)
async def test_attempts_side_by_side_do_not_get_in_each_others_way(
    world: ProviderWorld,
) -> None:
    one, other = some_login_secrets(), some_login_secrets()
    codes = [await a_code(world, one), await a_code(world, other, NO_ICN)]

    second = await sign_in(world, codes[1], other)
    first = await sign_in(world, codes[0], one)
    assert first.identity.subject == TAMARA.okta_id
    assert second.identity.subject == NO_ICN.okta_id


@pytest.mark.case(21)
@pytest.mark.parametrize("named", [{}, {"iss": ISSUER}])
async def test_a_callback_may_name_the_provider_or_nobody(
    world: ProviderWorld, named: dict[str, str]
) -> None:
    secrets = some_login_secrets()
    code = await a_code(world, secrets)

    signed_in = await call_back(world, secrets, {"code": code.reveal()} | named)
    assert signed_in.identity.subject == TAMARA.okta_id


@pytest.mark.case(21)
@pytest.mark.parametrize(
    "issuer", [f"{ISSUER}/", ISSUER.upper(), ISSUER[:-1], "", "https://evil.example"]
)
async def test_a_callback_that_names_another_provider_is_refused(
    world: ProviderWorld, issuer: str
) -> None:
    secrets = some_login_secrets()
    code = await a_code(world, secrets)
    named = {"code": code.reveal(), "iss": issuer}

    with pytest.raises(UpstreamRejectedError) as rejected:
        await call_back(world, secrets, named)
    assert rejected.value.reason == "callback_iss"
    with pytest.raises(UpstreamRejectedError):
        await call_back(world, secrets, {"error": "access_denied", "iss": issuer})
    # The code wasn't exchanged.
    await sign_in(world, code, secrets)


@pytest.mark.case(10, 20)
@pytest.mark.parametrize("name", ["state", "code", "error", "iss"])
@pytest.mark.parametrize("text", [["a", "a"], ["", "a"], "a\x00b", "\x7f", "a\r\nb", "\u2028"])
async def test_a_repeated_or_unclean_parameter_makes_a_callback_malformed(
    world: ProviderWorld, name: str, text: str | list[str]
) -> None:
    with pytest.raises(MalformedCallbackError):
        world.provider.read_callback(a_callback({"code": "a", name: text}))


@pytest.mark.case(19)
@pytest.mark.parametrize("name", ["code", "error"])
@pytest.mark.parametrize("text", ["", "\u00e9", "a" * 4097])
async def test_a_code_or_error_that_no_provider_sends_makes_a_callback_malformed(
    world: ProviderWorld, name: str, text: str
) -> None:
    with pytest.raises(MalformedCallbackError):
        world.provider.read_callback(a_callback({name: text}))


@pytest.mark.parametrize("said", [{"code": "a", "error": ""}, {"code": "", "error": "a"}])
async def test_of_code_and_error_an_empty_one_was_not_said(
    world: ProviderWorld, said: dict[str, str | list[str]]
) -> None:
    read = world.provider.read_callback(a_callback(said))

    assert (read.code and read.code.reveal(), read.error) == (
        said["code"] or None,
        said["error"] or None,
    )


@pytest.mark.case(20)
@pytest.mark.parametrize("query", ["code=%ff", "code=\xe9"])
async def test_a_query_that_is_no_text_makes_a_callback_malformed(
    world: ProviderWorld, query: str
) -> None:
    with pytest.raises(MalformedCallbackError):
        world.provider.read_callback(CallbackParameters(Secret(query)))


async def test_a_parameter_that_the_provider_does_not_know_changes_nothing(
    world: ProviderWorld,
) -> None:
    odd: dict[str, str | list[str]] = {
        "code": "a",
        "error_description": ["\x00", "b"],
        "session_state": "\x1b",
    }

    read = world.provider.read_callback
    assert read(a_callback(odd)) == read(a_callback({"code": "a"}))


@pytest.mark.case(16)
async def test_a_veteran_who_declines_is_no_fault_of_the_provider(
    world: ProviderWorld,
) -> None:
    with pytest.raises(SignInDeniedError):
        await call_back(world, some_login_secrets(), {"error": "access_denied"})


@pytest.mark.parametrize("error", ["login_required", "consent_required"])
async def test_a_sign_in_that_the_providers_rules_end_is_no_fault_of_the_provider_either(
    world: ProviderWorld, error: str
) -> None:
    with pytest.raises(SignInDeniedError) as denied:
        await call_back(world, some_login_secrets(), {"error": error})
    assert denied.value.reason == error


@pytest.mark.parametrize("error", ["invalid_scope", "invalid_request", "unauthorized_client"])
async def test_a_callback_that_reports_a_mistake_of_ours_says_which(
    world: ProviderWorld, error: str
) -> None:
    with pytest.raises(RequestRefusedByProviderError) as refused:
        await call_back(world, some_login_secrets(), {"error": error})
    assert refused.value.reason == error


@pytest.mark.parametrize("error", ["temporarily_unavailable", "server_error"])
async def test_a_callback_that_says_not_now_means_that_the_provider_is_unavailable(
    world: ProviderWorld, error: str
) -> None:
    with pytest.raises(ProviderUnavailableError):
        await call_back(world, some_login_secrets(), {"error": error})


@pytest.mark.case(17, 18, 19)
@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"error": "an_error_nobody_registered"}, "provider_error"),
        ({"error": "<b>access_denied"}, "provider_error"),
        ({"error": "access_denied", "code": "a"}, "code_and_error"),
        ({"error": "server_error", "code": "a"}, "code_and_error"),
        ({}, "code_missing"),
    ],
)
async def test_a_callback_without_a_code_alone_is_refused(
    world: ProviderWorld, parameters: dict[str, str], reason: str
) -> None:
    with pytest.raises(UpstreamRejectedError) as rejected:
        await call_back(world, some_login_secrets(), parameters)
    assert rejected.value.reason == reason


@pytest.mark.case(5)
async def test_a_provider_that_was_never_heard_is_unavailable(
    world: ProviderWorld,
) -> None:
    world.go_down()

    with pytest.raises(ProviderUnavailableError):
        await world.provider.authorization_url(some_login_secrets())
    world.come_back()
    await world.provider.authorization_url(some_login_secrets())


async def test_an_exchange_that_the_provider_cannot_serve_is_unavailable(
    world: ProviderWorld,
) -> None:
    secrets = some_login_secrets()
    code = await a_code(world, secrets)
    world.go_down()

    with pytest.raises(ProviderUnavailableError):
        await sign_in(world, code, secrets)
    world.come_back()
    assert (await sign_in(world, code, secrets)).identity.subject == TAMARA.okta_id


async def test_an_exchange_that_the_provider_refuses_is_rejected_with_a_reason_of_ours(
    world: ProviderWorld,
) -> None:
    secrets = some_login_secrets()
    code = await a_code(world, secrets)
    world.refuse()

    with pytest.raises(UpstreamRejectedError) as rejected:
        await sign_in(world, code, secrets)
    assert re.fullmatch(r"[a-z_]+", rejected.value.reason)


async def some_live_tokens(world: ProviderWorld) -> VATokens:
    secrets = some_login_secrets()
    code = await a_code(world, secrets)
    return (await sign_in(world, code, secrets)).tokens


async def test_a_refresh_token_that_is_revoked_is_worth_nothing_and_is_so_again(
    world: ProviderWorld,
) -> None:
    token = (await some_live_tokens(world)).refresh_token
    assert token is not None
    assert not world.is_revoked(token)
    for _ in range(2):
        await world.provider.revoke(token, is_refresh_token=True)

        assert world.is_revoked(token)


async def test_an_access_token_can_be_revoked_by_itself(world: ProviderWorld) -> None:
    token = (await some_live_tokens(world)).access_token
    await world.provider.revoke(token, is_refresh_token=False)

    assert world.is_revoked(token)


async def test_a_token_that_the_provider_never_knew_is_revoked_already(
    world: ProviderWorld,
) -> None:
    await world.provider.revoke(Secret("nobody's"), is_refresh_token=True)


async def test_a_provider_that_is_down_revokes_later(world: ProviderWorld) -> None:
    token = (await some_live_tokens(world)).refresh_token
    assert token is not None
    world.go_down()
    with pytest.raises(ProviderUnavailableError):
        await world.provider.revoke(token, is_refresh_token=True)
    world.come_back()
    assert not world.is_revoked(token)

    await world.provider.revoke(token, is_refresh_token=True)
    assert world.is_revoked(token)


async def test_a_provider_may_refuse_to_revoke(world: ProviderWorld) -> None:
    token = (await some_live_tokens(world)).refresh_token
    assert token is not None
    world.refuse()
    with pytest.raises(UpstreamRejectedError):
        await world.provider.revoke(token, is_refresh_token=True)


async def refreshed(
    world: ProviderWorld,
    refresh_token: Secret | None,
    *,
    account: VAAccount = ACCOUNT,
    scope: str = SCOPE,
) -> VATokens:
    assert refresh_token is not None
    return await world.provider.refresh(
        refresh_token, account=account, icn=TAMARAS_ICN, scope=scope
    )


async def test_a_refresh_gives_newer_tokens_and_the_refresh_token_again(
    world: ProviderWorld,
) -> None:
    old = await some_live_tokens(world)
    new = await refreshed(world, old.refresh_token)

    assert new == VATokens(
        access_token=new.access_token,
        refresh_token=old.refresh_token,
        id_token=new.id_token,
        token_type="Bearer",
        scope=SCOPE,
        expires_at=NOW + timedelta(hours=1),
    )
    assert new.access_token != old.access_token
    assert (await refreshed(world, new.refresh_token)).access_token != new.access_token


@pytest.mark.case(47)
async def test_a_refresh_token_that_was_replaced_is_refused_and_the_new_one_is_not(
    world: ProviderWorld,
) -> None:
    old = await some_live_tokens(world)
    world.rotate()
    new = await refreshed(world, old.refresh_token)
    assert new.refresh_token not in {None, old.refresh_token}

    with pytest.raises(GrantExpiredError):
        await refreshed(world, old.refresh_token)
    await refreshed(world, new.refresh_token)


@pytest.mark.case(47)
@pytest.mark.parametrize("revoked", [True, False])
async def test_a_refresh_token_that_is_worth_nothing_is_refused(
    world: ProviderWorld,
    revoked: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    token = (await some_live_tokens(world)).refresh_token
    if revoked and token is not None:
        await world.provider.revoke(token, is_refresh_token=True)

    with pytest.raises(GrantExpiredError):
        await refreshed(world, token if revoked else Secret("nobody's"))


@pytest.mark.case(55)
async def test_a_refresh_may_leave_out_what_stays_as_it_was(world: ProviderWorld) -> None:
    token = (await some_live_tokens(world)).refresh_token
    world.keep_to_itself()
    new = await refreshed(world, token, scope="openid what-was-granted")

    assert new.refresh_token is None
    assert new.scope == "openid what-was-granted"


@pytest.mark.case(54)
async def test_a_refresh_may_grant_less(world: ProviderWorld) -> None:
    token = (await some_live_tokens(world)).refresh_token
    world.reduce_scope("openid")

    assert (await refreshed(world, token)).scope == "openid"


@pytest.mark.case(58)
@pytest.mark.parametrize(
    ("subject", "icn", "reason"),
    [
        ("00u-of-somebody-else", TAMARAS_ICN, "another_subject"),
        (TAMARA.okta_id, ICN("1012861229V078999"), "another_patient"),
    ],
)
async def test_a_refresh_that_stands_for_somebody_else_is_refused_with_its_tokens(
    world: ProviderWorld, subject: str, icn: ICN, reason: str
) -> None:
    token = (await some_live_tokens(world)).refresh_token
    world.mistake_everybody_for(subject=subject, icn=icn)

    with pytest.raises(UnwantedTokensError) as unwanted:
        await refreshed(world, token)
    assert unwanted.value.reason == reason
    assert unwanted.value.tokens.refresh_token == token
    world.mistake_everybody_for(subject=TAMARA.okta_id, icn=TAMARAS_ICN)
    await refreshed(world, token)


async def test_a_refresh_token_of_another_provider_is_not_shown_to_this_one(
    world: ProviderWorld,
) -> None:
    token = (await some_live_tokens(world)).refresh_token
    world.go_down()
    elsewhere = replace(ACCOUNT, issuer=f"{ISSUER}/")

    with pytest.raises(IssuerChangedError):
        await refreshed(world, token, account=elsewhere)


@pytest.mark.case(49)
async def test_a_provider_that_cannot_refresh_says_when_to_ask_again(
    world: ProviderWorld,
) -> None:
    token = (await some_live_tokens(world)).refresh_token
    world.go_down(timedelta(seconds=70))

    with pytest.raises(ProviderUnavailableError) as unavailable:
        await refreshed(world, token)
    assert unavailable.value.retry_after == timedelta(seconds=70)
    world.come_back()
    await refreshed(world, token)


@pytest.mark.case(48)
@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
async def test_va_that_refuses_our_credentials_is_asked_again(
    signing_key: SigningKey, status: int
) -> None:
    world = SandboxWorld(signing_key)
    async with world.http:
        token = (await some_live_tokens(world)).refresh_token
        assert token is not None
        refused = {"answer": status, "body": '{"error":"invalid_client"}', "retry_after": "0"}
        world.world.faults.replace({"revoke": refused})
        with pytest.raises(ProviderUnavailableError):
            await world.provider.revoke(token, is_refresh_token=True)
        world.come_back()

        await world.provider.revoke(token, is_refresh_token=True)
        assert world.is_revoked(token)
