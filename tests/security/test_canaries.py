"""Nothing secret comes to stand where it does not belong, whatever happens.

A witness learns every secret that passes, by its kind, and keeps every answer. In the end all
answers, the whole log, a dump of the whole database and every traceback are searched for all of
them, and for the values that a visitor or VA might like to see there.
"""

import hashlib
import json
import re
import secrets
import traceback
from base64 import b64encode, urlsafe_b64encode
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import cache, partial
from io import StringIO
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, quote, urlsplit

import httpx
import psycopg
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from psycopg import sql
from pytest_mock import MockerFixture
from starlette.routing import Route

from adapters.memory.client_check import MemoryClientCheck
from adapters.postgres.migrations import migrate
from adapters.postgres.pool import Pool, build_pool, opened
from adapters.postgres.readiness import PostgresReadiness
from adapters.postgres.unit_of_work import PostgresUnitOfWork
from application.errors import UnavailableError
from application.login_starts import VALoginStarted
from application.use_cases.clients.admit_client import AdmitClient
from application.use_cases.history.list_disclosures import ListDisclosures
from application.use_cases.history.view_user import ViewUser
from application.use_cases.operations.disable_user import DisableUserCommand
from application.use_cases.sessions.list_sessions import ListSessions
from application.use_cases.sessions.renew_session import RenewSession, RenewSessionCommand
from application.use_cases.sessions.revoke_sessions import RevokeSessions
from application.use_cases.sessions.sign_out import SignOut
from application.use_cases.sessions.validate_session import ValidateSession, ValidateSessionCommand
from application.use_cases.sign_in.complete_va_login import CompleteVALogin
from application.use_cases.sign_in.redeem_handoff import RedeemHandoff, RedeemHandoffCommand
from application.use_cases.sign_in.start_va_login import StartVALogin
from application.use_cases.va_access.revoke_at_va import RevokeAtVA
from application.use_cases.va_access.unlink_va_identity import UnlinkVAIdentity
from domain.audit_record import AuditFilter
from domain.handoff import BrowserMark
from domain.identifiers import UserId
from domain.secret import Secret, SecretBytes
from entrypoints.commands.audit_listing import as_json_lines
from entrypoints.commands.audit_listing import print_table as print_trail
from entrypoints.doctor.examination import Patient, examine
from entrypoints.doctor.report import as_json as in_json
from entrypoints.doctor.report import print_report
from entrypoints.metrics.exposition import Exposition
from entrypoints.settings import Settings
from entrypoints.tracing import open_telemetry
from entrypoints.web.disclosure_endpoints import USES_PATH
from entrypoints.web.token_endpoint import TOKEN_PATH
from tests.security.cookies import OUR_PAGE, REDEEM, RENEW, cookies_of
from tests.support.builders import a_login_attempt, a_visitor, an_icn, some_login_secrets
from tests.support.databases import new_database
from tests.support.hostile_provider import ABSENT, HostileProvider, saying
from tests.support.product import CALLBACK, LOGIN, Browser, Product, running_product, serving
from tests.support.service_clients import KeyClient, SecretClient, exchange_fields

pytestmark = pytest.mark.postgres

ADDRESS: Final = "203.0.113.199"
A_FAULT: Final = "what a fault said"
DATABASE_PASSWORD: Final = "hunter2-of-the-database"
#: Any path of the provider's that takes a POST: while it revokes, nobody signs in.
REVOCATION: Final = "/connect/exchange"
USE_CASES: Final = (
    CompleteVALogin,
    ListSessions,
    RedeemHandoff,
    RenewSession,
    RevokeSessions,
    RevokeAtVA,
    SignOut,
    StartVALogin,
    UnlinkVAIdentity,
    ValidateSession,
    ViewUser,
)


class Place(NamedTuple):
    """Where in an answer something stands."""

    route: str
    part: str


_CALLBACK: Final = f"GET {CALLBACK}"
_LOGIN: Final = f"GET {LOGIN}"
_RENEW: Final = f"POST {RENEW}"
_REDEEM: Final = f"POST {REDEEM}"
#: What has to be handed over, and nothing else.
WHERE_IT_BELONGS: Final[dict[str, set[Place]]] = {
    "state and nonce": {Place(_LOGIN, "location")},
    "mark of the browser": {Place(_LOGIN, "a cookie"), Place(_CALLBACK, "a cookie")},
    "one-time code": {Place(_CALLBACK, "location")},
    "JWT": {
        Place(_CALLBACK, "location"),
        Place(_CALLBACK, "a cookie"),
        Place(_RENEW, "body"),
        Place(_RENEW, "a cookie"),
        Place(_REDEEM, "body"),
    },
    "refresh token": {
        Place(_CALLBACK, "a cookie"),
        Place(_RENEW, "body"),
        Place(_RENEW, "a cookie"),
        Place(_REDEEM, "body"),
        Place(_REDEEM, "a cookie"),
    },
    "name": {Place("GET /api/v1/user", "body")},
    "VA's access token": {Place(f"POST {TOKEN_PATH}", "body")},
}
#: By table; what names a person or a device stands where it is of use, and what admits nowhere.
WHERE_IT_IS_KEPT: Final[dict[str, set[str]]] = {
    "name": {"vetassist_users"},
    "ICN": {"vetassist_users"},
    "VA's name for the account": {"vetassist_va_identities", "vetassist_va_tokens"},
    "user agent": {"vetassist_sessions"},
}


def a_canary() -> str:
    return f"canary{secrets.token_hex(8)}"


@dataclass
class Witness:
    """Learns what passes, and keeps what was answered."""

    product: Product
    spans: InMemorySpanExporter
    kinds: dict[str, str] = field(default_factory=dict)
    answers: set[tuple[Place, str]] = field(default_factory=set)
    statuses: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    tracebacks: set[str] = field(default_factory=set)

    def learn(self, kind: str, *values: object) -> None:
        self.kinds.update({str(value): kind for value in values if value})

    def canary(self, kind: str) -> str:
        """A value of the visitor's or the provider's own, to be seen nowhere."""
        canary = a_canary()
        self.learn(kind, canary)
        return canary

    def browser(self, user_agent: str | None = None) -> Browser:
        browser = self.product.browser(address=ADDRESS)
        browser.http.headers["User-Agent"] = user_agent or f"Mozilla {self.canary('user agent')}"
        browser.http.event_hooks["response"].append(self.note)
        return browser

    async def note(self, answer: httpx.Response) -> None:
        """For a browser's hooks."""
        await answer.aread()
        asked = answer.request
        if asked.url.host not in {"localhost", "127.0.0.1"} or asked.url.port == 9000:
            return
        route = f"{asked.method} {self._template(asked.url.path)}"
        self.statuses[route].add(answer.status_code)
        self._learn_from(asked, answer)
        for name, value in answer.headers.multi_items():
            part = {"location": "location", "set-cookie": "a cookie"}.get(name, f"header {name}")
            self.answers.add((Place(route, part), f"{name}: {value}"))
        self.answers.add((Place(route, "body"), answer.text))

    def _template(self, path: str) -> str:
        for route in self.product.app.routes:
            if isinstance(route, Route) and route.path_regex.match(path):
                return route.path
        return "nowhere"

    def _learn_from(self, asked: httpx.Request, answer: httpx.Response) -> None:
        target = urlsplit(answer.headers.get("location", ""))
        led = dict(parse_qsl(target.query or target.fragment))
        if asked.url.path == LOGIN and answer.status_code == 303:
            self.learn("state and nonce", led["state"], led["nonce"], led["code_challenge"])
        if asked.url.path == CALLBACK:
            self.learn("VA's code", asked.url.params.get("code"))
            self.learn("one-time code", led.get("code"))
        self._learn_jwt(led.get("token"))
        for name, cookie in cookies_of(answer).items():
            if name == "vetassist_session":
                self._learn_jwt(cookie.value)
            elif name == "vetassist_refresh":
                self._learn_refresh(cookie.value)
            else:
                self.learn("mark of the browser", cookie.value)
        if answer.headers.get("content-type") == "application/json":
            said = answer.json()
            self._learn_jwt(said.get("token"))
            self.learn("VA's access token", said.get("access_token"))
            self._learn_refresh(said.get("refresh_token"))

    def _learn_jwt(self, token: str | None) -> None:
        if token:
            self.learn("JWT", token, token.rpartition(".")[2])

    def _learn_refresh(self, token: str | None) -> None:
        if token:
            self.learn("refresh token", token, *token.split(".")[1:])

    def found_in(self, text: str) -> set[str]:
        """The kinds of what stands in a text, however it is written."""
        return {
            kind
            for value, kind in self.kinds.items()
            if any(spelling in text for spelling in spellings(value))
        }


@cache
def spellings(value: str) -> frozenset[str]:
    """The ways in which a value might come to be written."""
    raw = value.encode()
    return frozenset(
        {
            value,
            raw.hex(),
            quote(value, safe=""),
            json.dumps(value)[1:-1],
            b64encode(raw).decode().rstrip("="),
            urlsafe_b64encode(raw).decode().rstrip("="),
        }
    )


def secrets_of(settings: Settings) -> Iterator[str]:
    """Every setting that is marked as a secret, in each form it might be seen in."""
    for value in vars(settings).values():
        several = value.values() if isinstance(value, dict) else value
        for each in several if isinstance(value, dict | tuple) else (value,):
            if isinstance(each, Secret):
                yield each.reveal()
            elif isinstance(each, SecretBytes):
                yield each.reveal().hex()
                yield urlsafe_b64encode(each.reveal()).decode().rstrip("=")
    yield DATABASE_PASSWORD


@pytest.fixture(scope="module")
def own_database(database_url: str) -> Iterator[str]:
    with new_database(database_url) as url:
        migrate(url)
        yield url


@pytest.fixture
async def own_pool(own_database: str) -> AsyncIterator[Pool]:
    async with opened(build_pool(own_database, max_size=4)) as pool:
        await pool.wait()
        yield pool


@pytest.fixture
def provider() -> HostileProvider:
    provider = HostileProvider()
    provider.metadata["revocation_endpoint"] = provider.url + REVOCATION
    return provider


@pytest.fixture(params=["query", "fragment", "code", "cookie"])
async def witness(
    request: pytest.FixtureRequest, own_pool: Pool, provider: HostileProvider, mocker: MockerFixture
) -> AsyncIterator[Witness]:
    """The product on PostgreSQL, in each delivery, and all that comes of it."""
    spans = InMemorySpanExporter()
    mocker.patch.object(open_telemetry, "OTLPSpanExporter", return_value=spans)
    async with running_product(
        provider=provider,
        pool=own_pool,
        session_delivery=request.param,
        database_url=f"postgresql://somebody:{DATABASE_PASSWORD}@nowhere.invalid/vetassist",
        jwt_previous_secret=secrets.token_hex(32),
        login_rate=0,
        tracing=True,
    ) as product:
        witness = Witness(product, spans=spans)
        witness.learn("setting", *secrets_of(product.settings))
        witness.learn("address", ADDRESS, hashlib.sha256(ADDRESS.encode()).hexdigest())
        for use_case in USE_CASES:
            listen_to(use_case, witness, mocker)
        yield witness


def listen_to(use_case: type[Any], witness: Witness, mocker: MockerFixture) -> None:
    """Keep the traceback of every error that leaves a use case."""
    original = use_case.execute

    async def execute(self: object, *arguments: object) -> object:
        try:
            return await original(self, *arguments)
        except Exception as error:
            witness.tracebacks.add("".join(traceback.format_exception(error)))
            raise

    mocker.patch.object(use_case, "execute", execute)


def somebody(witness: Witness, provider: HostileProvider) -> None:
    """Let another Veteran be at VA from now on."""
    person = {name: a_canary() for name in ("given_name", "family_name")}
    person["email"] = f"{a_canary()}@veterans.example"
    icn, subject = an_icn().value, f"auth|{a_canary()}"
    provider.person = {"sub": subject, "icn": icn, **person}
    witness.learn("name", *person.values())
    witness.learn("ICN", icn)
    witness.learn("VA's name for the account", subject)


async def a_session(witness: Witness, browser: Browser) -> tuple[dict[str, str], str]:
    """Sign in; what shows the JWT, and the refresh token."""
    parameters = dict((await browser.sign_in()).parameters)
    if "code" in parameters:
        answer = await browser.post(REDEEM, json={"code": parameters["code"]}, headers=OUR_PAGE)
        parameters |= answer.json()
    kept = {cookie.name: cookie.value or "" for cookie in browser.http.cookies.jar}
    token = parameters.get("token") or kept["vetassist_session"]
    return {"Authorization": f"Bearer {token}"}, kept["vetassist_refresh"]


async def live(witness: Witness, browser: Browser) -> None:
    """All that somebody does who is signed in."""
    shown, _ = await a_session(witness, browser)
    history = ("history", "history/export", "history/export?format=csv")
    for path in ("session", "sessions", "user", "verify", "verify/claims", *history):
        await browser.get(f"/api/v1/{path}", headers=shown)
        await browser.get(f"/api/v1/{path}")
    await browser.post(RENEW)
    await browser.post(RENEW, headers=OUR_PAGE)
    _, refresh = await a_session(witness, browser)
    client = witness.browser()
    await client.post(RENEW, json={"refresh_token": refresh})
    await client.post(RENEW, json={"refresh_token": refresh})
    await browser.delete("/api/v1/sessions?except=current", headers=shown)
    await browser.delete(f"/api/v1/sessions/{secrets.token_hex(16)}", headers=shown)
    await browser.delete("/api/v1/session", headers={**shown, **OUR_PAGE})


async def unlink(witness: Witness, browser: Browser, provider: HostileProvider) -> None:
    """Take the link to VA back, in time and too late, whatever VA says to that."""
    for status in (200, 400, 503):
        shown, _ = await a_session(witness, browser)
        said = {"error": witness.canary("what VA said")}
        provider.replies = {REVOCATION: saying(said, status)}
        answer = await browser.delete("/api/v1/va/link", headers={**shown, **OUR_PAGE})
        provider.replies = {}
        assert answer.status_code == 204
    shown, _ = await a_session(witness, browser)
    witness.product.clock.advance(timedelta(minutes=29))
    answer = await browser.delete("/api/v1/va/link", headers={**shown, **OUR_PAGE})
    assert answer.status_code == 403


async def act_for(witness: Witness, browser: Browser) -> None:
    """Back ends get VA's token, or not, with good and bad credentials."""
    shown, _ = await a_session(witness, browser)
    scopes = frozenset({"openid"})
    container, now = witness.product.container, witness.product.clock.now()
    by_secret = await SecretClient.registered(container, scopes=scopes)
    by_key = await KeyClient.registered(container, scopes=scopes)
    good = [by_secret.fields, by_key.fields(now), by_key.fields(now)]
    odd = [
        {"client_id": by_secret.id, "client_secret": witness.canary("input")},
        {"client_id": witness.canary("input"), "client_secret": witness.canary("input")},
        by_key.fields(now, jti=None),
        by_key.fields(now, aud=witness.canary("input")),
        {**by_key.fields(now), "client_assertion_type": witness.canary("input")},
    ]
    witness.learn("client's secret", by_secret.secret)
    for fields in good + odd:
        assertion = fields.get("client_assertion", "")
        witness.learn("client's assertion", assertion, assertion.rpartition(".")[2])
    client = witness.browser()
    token = shown["Authorization"].removeprefix("Bearer ")
    fields = exchange_fields(token, scope="openid")
    statuses = [
        (await client.post(TOKEN_PATH, data=fields | credential)).status_code
        for credential in [*good, good[1], *odd]
    ]
    assert statuses == [200] * 3 + [401] * 6
    for name in ("purpose", "scope", "audience", "subject_token", "grant_type", "x"):
        changed = fields | by_secret.fields | {name: witness.canary("input")}
        await client.post(TOKEN_PATH, data=changed, auth=None)
    await client.post(TOKEN_PATH, data=fields, auth=(by_secret.id, by_secret.secret))
    await client.post(f"{TOKEN_PATH}?x={witness.canary('input')}", data=fields | by_secret.fields)
    assert (await browser.get(USES_PATH, headers=shown)).json()["uses"]


async def steal(witness: Witness, browser: Browser) -> None:
    """Refresh tokens that were used before, logged out, or never given to anybody."""
    _, refresh = await a_session(witness, browser)
    client = witness.browser()
    await client.post(RENEW, json={"refresh_token": refresh})
    witness.product.clock.advance(timedelta(seconds=30))
    assert (await client.post(RENEW, json={"refresh_token": refresh})).status_code == 401
    ids, secret, _ = refresh.split(".")
    await client.post(RENEW, json={"refresh_token": f"{ids}.{secret}.{secrets.token_urlsafe(32)}"})
    shown, refresh = await a_session(witness, browser)
    await browser.delete("/api/v1/sessions", headers=shown)
    await client.post(RENEW, json={"refresh_token": refresh})
    await a_session(witness, browser)
    witness.product.clock.advance(timedelta(minutes=30))
    await browser.post(RENEW, headers=OUR_PAGE)


async def misuse_a_code(witness: Witness, browser: Browser) -> None:
    parameters = (await browser.sign_in()).parameters
    code = parameters.get("code") or witness.canary("input")
    body = {"code": code}
    await witness.browser().post(REDEEM, json=body, headers=OUR_PAGE)
    await browser.post(REDEEM, json=body)
    await browser.post(REDEEM, json={"code": code, witness.canary("input"): 1}, headers=OUR_PAGE)
    witness.product.clock.advance(timedelta(minutes=1))
    await browser.post(REDEEM, json=body, headers=OUR_PAGE)


async def fail_to_sign_in(witness: Witness, browser: Browser, provider: HostileProvider) -> None:
    """Every way in which VA, or somebody in its name, says something else than it should."""

    def said() -> str:
        return witness.canary("what VA said")

    exchange, me = "/connect/exchange", "/connect/me"
    bent: list[dict[str, Any]] = [
        {"callback": {"error": "access_denied", "error_description": said(), "code": ABSENT}},
        {"callback": {"error": said(), "error_description": said()}},
        {"callback": {"iss": f"https://{said()}.example"}},
        {"callback": {"state": said()}},
        {"callback": {"code": [said(), said()]}},
        {"replies": {exchange: saying({"error": said(), "error_description": said()}, 400)}},
        {"replies": {exchange: saying({"error": "invalid_client", "error_uri": said()}, 401)}},
        {"replies": {exchange: saying(f"<html>{said()}")}},
        {"replies": {exchange: saying({"message": said()}, 503)}},
        {"replies": {me: saying(f'{{"sub": "{said()}')}},
        {"replies": {me: saying({"error": said()}, 500)}},
        {"token_answer": {"token_type": said()}},
        {"token_answer": {"access_token": [said()]}},
        {"token_answer": {"id_token": said()}},
        {"token_answer": {"expires_in": said()}},
        {"header": {"kid": said()}},
        {"header": {"alg": said()}},
        {"claims": {"iss": said()}},
        {"claims": {"aud": said()}},
        {"claims": {"nonce": said()}},
        {"claims": {"exp": said()}},
        {"userinfo": {"sub": said()}},
        {"userinfo": {"icn": said()}},
        {"userinfo": {"icn": an_icn().value, "given_name": {said(): said()}}},
    ]
    for bend in bent:
        before = {name: getattr(provider, name) for name in bend}
        for name, value in bend.items():
            setattr(provider, name, value)
        try:
            await browser.get(await browser.begin())
        finally:
            for name, value in before.items():
                setattr(provider, name, value)


async def send_odd_things(witness: Witness) -> None:
    """What a visitor would like to see in a log."""

    def odd() -> str:
        return witness.canary("input")

    for path in (LOGIN, CALLBACK, "/api/v1/session", RENEW, "/healthz", "/openapi.json", "/x"):
        client = witness.browser()
        headers = {
            name: f"{odd()}\x1b[31m"
            for name in ("Referer", "Cookie", "X-Request-ID", "Accept-Language", "X-Odd")
        } | {
            "Authorization": f"Bearer {odd()}",
            "X-Forwarded-For": "203.0.113.199, 203.0.113.199",
            "Origin": f"https://{odd()}.example",
        }
        query = {name: odd() for name in ("token", "code", "state", "error", "return_to", "x")}
        await client.get(path, params=query, headers=headers)
        await client.get(f"{path}/{odd()}")
        await client.post(path, json={odd(): odd()}, headers=OUR_PAGE)
        await client.post(path, content=odd().encode(), headers={"Content-Type": odd()})
        await client.delete(path, headers={"X-Forwarded-Method": odd()})
        await client.http.request(odd().upper(), path)


async def lose_the_database(witness: Witness, browser: Browser, mocker: MockerFixture) -> None:
    shown, _ = await a_session(witness, browser)
    callback = await browser.begin()
    error = UnavailableError("postgres")
    error.__cause__ = psycopg.OperationalError(f"connection to {witness.canary(A_FAULT)}")
    patched = mocker.patch.object(PostgresUnitOfWork, "__aenter__", side_effect=error)
    for answer in (
        await browser.get("/api/v1/sessions", headers=shown),
        await browser.post(RENEW, headers=OUR_PAGE),
        await browser.get(callback),
    ):
        assert answer.status_code in {303, 503}
    mocker.stop(patched)


async def dump(pool: Pool) -> dict[str, str]:
    """Every row of every table, as PostgreSQL writes it."""
    async with pool.connection() as connection:
        found = await connection.execute("SELECT relname FROM pg_stat_user_tables")
        tables = [row[0] for row in await found.fetchall()]
        rows = {}
        for table in tables:
            query = sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(table))
            cursor = await connection.execute(query)
            rows[table] = "\n".join(row[0] for row in await cursor.fetchall())
        return rows


async def test_no_secret_is_anywhere_but_where_it_belongs(
    witness: Witness, provider: HostileProvider, own_pool: Pool, mocker: MockerFixture
) -> None:
    for act in (live, partial(unlink, provider=provider), act_for, steal, misuse_a_code):
        somebody(witness, provider)
        await act(witness, witness.browser())
    await fail_to_sign_in(witness, witness.browser(), provider)
    await send_odd_things(witness)
    await lose_the_database(witness, witness.browser(), mocker)
    await disable(witness, own_pool)
    witness.learn("what VA told us", *(provider.secrets - set(witness.kinds)))

    assert {status for seen in witness.statuses.values() for status in seen} >= {
        200, 204, 303, 400, 401, 403, 404, 405, 415, 503,
    }  # fmt: skip
    misplaced = {
        (kind, place)
        for place, text in witness.answers
        for kind in witness.found_in(text)
        if place not in WHERE_IT_BELONGS.get(kind, set())
    }
    assert misplaced == set()
    assert witness.product.logged
    assert witness.found_in(json.dumps(witness.product.logged)) == set()
    for name, text in (await told_to_operators(witness)).items():
        assert len(text) > 1000, name
        assert witness.found_in(text) == set(), name
    kept = await dump(own_pool)
    assert {(kind, table) for table, text in kept.items() for kind in witness.found_in(text)} == {
        (kind, table) for kind, tables in WHERE_IT_IS_KEPT.items() for table in tables
    }
    assert len(witness.tracebacks) > 20
    # What the fault said is the message of its own error.
    assert witness.found_in("\n".join(witness.tracebacks)) == {A_FAULT}


async def told_to_operators(witness: Witness) -> dict[str, str]:
    """Metrics, traces, what the doctor says and the trail as an operator reads it, by name."""
    container = witness.product.container
    exposition = Exposition(
        measurements=container.measurements(), pools={}, vital_signs=container.vital_signs()
    )

    async def asked() -> object:
        login = some_login_secrets()
        return await container.identity_provider().authorization_url(login)

    findings = await examine(
        Patient(
            settings=witness.product.settings,
            pending_migrations=list,
            connection_faults=list,
            failing=container.readiness().failing,
            vital_signs=container.vital_signs().read,
            rights=container.vital_signs().rights,
            oldest_passed_by=container.vital_signs().oldest_passed_by,
            seal_keys=container.seal_keys(),
            keys_under_older=container.rewrap_data_keys().count,
            ask_provider=asked,
            check_client=MemoryClientCheck().check,
        )
    )
    records = await container.audit_history().list(AuditFilter(), after=None, limit=1000)
    with redirect_stdout(StringIO()) as trail:
        print_trail(records)
    with redirect_stdout(StringIO()) as report:
        print_report(findings)
    # Leaving hands over the spans that are still on their way.
    async with container.spans():
        pass
    return {
        "metrics": (await exposition.text(""))[1].decode(),
        "traces": "".join(span.to_json() for span in witness.spans.get_finished_spans()),
        "doctor": in_json(findings),
        "audit show": "\n".join(as_json_lines(records)),
        "tables": trail.getvalue() + report.getvalue(),
    }


async def disable(witness: Witness, pool: Pool) -> None:
    """Let an operator disable everybody."""
    async with pool.connection() as connection:
        cursor = await connection.execute("SELECT id FROM vetassist_users")
        users = [UserId(row[0]) for row in await cursor.fetchall()]
    for user_id in users:
        command = DisableUserCommand(user_id=user_id, reason="test")
        await witness.product.container.disable_user().execute(command)


async def test_a_bug_on_any_route_shows_nothing_of_what_was_under_way(
    witness: Witness, provider: HostileProvider, own_pool: Pool, mocker: MockerFixture
) -> None:
    """Through a real server, which would log what gets past the application."""
    somebody(witness, provider)
    browser = witness.browser()
    shown, refresh = await a_session(witness, browser)
    callback = await browser.begin()
    witness.canary(A_FAULT)
    message = " ".join(witness.kinds)
    witness.answers.clear()

    async def bug(*_arguments: object) -> None:
        cause = psycopg.errors.UniqueViolation(f"Key (va_icn)=({message}) already exists.")
        raise RuntimeError(message) from cause

    with_cookies = {"headers": {"Cookie": browser.cookie_header}}
    with_mark = {"headers": {"Cookie": "vetassist_handoff=x", **OUR_PAGE}, "json": {"code": "x"}}
    signed_in = {"headers": shown}
    calls: list[tuple[type[Any], str, str, dict[str, Any]]] = [
        (StartVALogin, "GET", LOGIN, {}),
        (CompleteVALogin, "GET", f"{CALLBACK}?{urlsplit(callback).query}", with_cookies),
        (ListSessions, "GET", "/api/v1/sessions", signed_in),
        (ViewUser, "GET", "/api/v1/user", signed_in),
        (SignOut, "DELETE", "/api/v1/session", signed_in),
        (RevokeSessions, "DELETE", "/api/v1/sessions", signed_in),
        (UnlinkVAIdentity, "DELETE", "/api/v1/va/link", signed_in),
        (ListDisclosures, "GET", USES_PATH, signed_in),
        (
            AdmitClient,
            "POST",
            TOKEN_PATH,
            {"data": exchange_fields("x", client_id="x", client_secret="x")},
        ),
        (RenewSession, "POST", RENEW, {"json": {"refresh_token": refresh}}),
        (RedeemHandoff, "POST", REDEEM, with_mark),
        (ValidateSession, "GET", "/api/v1/session", signed_in),
        (ValidateSession, "GET", "/api/v1/verify", signed_in),
        (ValidateSession, "POST", "/api/v1/verify/claims", signed_in),
        (ValidateSession, "DELETE", "/api/v1/sessions/x", signed_in),
        (PostgresReadiness, "GET", "/readyz", {}),
    ]
    hooks = {"response": [witness.note]}
    async with (
        serving(witness.product.app) as (url, _),
        httpx.AsyncClient(base_url=url, trust_env=False, event_hooks=hooks) as client,
    ):
        for broken, method, path, options in calls:
            name = "failing" if broken is PostgresReadiness else "execute"
            patched = mocker.patch.object(broken, name, bug)
            answer = await client.request(method, path, **options)
            mocker.stop(patched)
            assert answer.status_code == 500, path
            assert answer.headers["content-type"] == "application/problem+json", path
            assert answer.json()["code"] == "internal_error", path

    assert {kind for _, text in witness.answers for kind in witness.found_in(text)} == set()
    logged = json.dumps(witness.product.logged)
    assert logged.count("unhandled_error") == len(calls)
    assert witness.found_in(logged) == set()
    kept = await dump(own_pool)
    assert A_FAULT not in {kind for text in kept.values() for kind in witness.found_in(text)}


async def test_neither_the_settings_nor_any_object_of_the_service_shows_a_secret(
    witness: Witness, provider: HostileProvider
) -> None:
    somebody(witness, provider)
    await live(witness, witness.browser())
    container, settings = witness.product.container, witness.product.settings
    named_so = re.compile("secret|key|password|database")
    plain = {name for name, value in vars(settings).items() if value == str(value)}
    assert not [name for name in plain if named_so.search(name)]
    shown = [repr(settings), str(settings), f"{settings!r:>10}", repr(container)]
    shown += [str(asdict(settings)), str(vars(settings))]
    for name, provided in container.providers.items():
        if name != "lifetimes":
            built = provided()
            shown += [repr(built), str(built), f"{built}", repr(provided)]

    assert len(shown) > 100
    for text in shown:
        assert witness.found_in(text) == set(), text[:80]


def test_no_command_shows_what_it_carries() -> None:
    canary, login = Secret(a_canary()), some_login_secrets()
    shown = [
        repr(each)
        for each in (
            ValidateSessionCommand(token=canary),
            RenewSessionCommand(refresh_token=canary, visitor=a_visitor()),
            RedeemHandoffCommand(code=canary, holder=BrowserMark.of(canary), visitor=a_visitor()),
            VALoginStarted(
                authorization_url=f"https://va.example/?state={canary.reveal()}",
                secrets=login,
                attempt=a_login_attempt(login),
            ),
        )
    ]

    assert not [text for text in shown if canary.reveal() in text or login.state.reveal() in text]
