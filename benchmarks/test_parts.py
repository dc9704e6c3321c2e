"""The time of single parts (pytest-benchmark). `make bench` runs this."""

import asyncio
import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Final
from uuid import UUID, uuid4

import psycopg
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from starlette.types import Message

from adapters.encryption.aes_gcm_cipher import AESGCMTokenCipher
from adapters.encryption.key_ring import KeyRing
from adapters.postgres.pool import Pool, build_pool
from adapters.postgres.session_lookup import PostgresSessionLookup
from adapters.session_tokens.jwt_session_tokens import JWTSessionTokens, JWTSettings
from adapters.session_tokens.signed_refresh_tokens import SignedRefreshTokens
from adapters.system.clock import SystemClock
from application.ports.session_lookup import SessionLookup
from application.use_cases.sessions.validate_session import ValidateSession
from domain.data_key import DataKey
from domain.identifiers import ICN, SessionId, TokenId, UserId
from domain.refresh_token import RefreshToken
from domain.return_path import ReturnPath
from domain.secret import Secret
from domain.session import Session
from domain.session_limits import SessionLimits
from domain.session_standing import SessionStanding
from domain.va_tokens import TokenField
from domain.visitor import Visitor
from entrypoints.metrics.measurements import Measurements
from entrypoints.web.hot_path import HotPath

USER: Final = UserId(uuid4())
NOW: Final = datetime.now(UTC)
VA_TOKEN: Final = Secret("a" * 900)
RETURN_TO: Final = "/claims/new?step=2&from=%2Fhome"
AT_ONCE: Final = (1, 16, 64)


@pytest.fixture(scope="module")
def cipher() -> AESGCMTokenCipher:
    return AESGCMTokenCipher(KeyRing({"k1": secrets.token_bytes(32)}))


@pytest.fixture(scope="module")
def data_key() -> DataKey:
    return DataKey(user_id=USER, version=1, key=secrets.token_bytes(32))


@pytest.fixture(scope="module")
def session() -> Session:
    return Session.issue(
        session_id=SessionId(uuid4()),
        user_id=USER,
        token_id=TokenId(secrets.token_urlsafe(32)),
        visitor=Visitor(),
        now=NOW,
        limits=SessionLimits(),
    )


def jwt_tokens(cache_size: int) -> JWTSessionTokens:
    return JWTSessionTokens(
        JWTSettings(
            secret=secrets.token_bytes(32),
            issuer="vetassist.ganuda.us",
            audience="vetassist-frontend",
            include_icn=True,
            cache_size=cache_size,
        )
    )


def test_seal(benchmark: BenchmarkFixture, cipher: AESGCMTokenCipher, data_key: DataKey) -> None:
    benchmark(cipher.seal, VA_TOKEN, key=data_key, field=TokenField.ACCESS)


def test_open(benchmark: BenchmarkFixture, cipher: AESGCMTokenCipher, data_key: DataKey) -> None:
    sealed = cipher.seal(VA_TOKEN, key=data_key, field=TokenField.ACCESS)

    def opened() -> Secret:
        return cipher.open(sealed, user_id=USER, key=data_key, field=TokenField.ACCESS)

    assert benchmark(opened) == VA_TOKEN


def test_issue_jwt(benchmark: BenchmarkFixture, session: Session) -> None:
    tokens = jwt_tokens(0)
    benchmark(tokens.issue, session, ICN("1012666182V203559"), expires_at=session.expires_at)


@pytest.mark.parametrize("cache_size", [0, 1], ids=["each time", "remembered"])
def test_verify_jwt(benchmark: BenchmarkFixture, session: Session, cache_size: int) -> None:
    tokens = jwt_tokens(cache_size)
    token = tokens.issue(session, ICN("1012666182V203559"), expires_at=session.expires_at)
    assert benchmark(tokens.verify, token.reveal(), now=NOW).user_id == USER


def test_write_and_read_refresh_token(benchmark: BenchmarkFixture, session: Session) -> None:
    tokens = SignedRefreshTokens(secret=secrets.token_bytes(32), previous_secret=None)
    refresh = RefreshToken(
        user_id=USER, session_id=session.id, secret=Secret(secrets.token_urlsafe(32))
    )

    def there_and_back() -> RefreshToken:
        return tokens.read(tokens.write(refresh).reveal())

    assert benchmark(there_and_back) == refresh


def test_check_return_path(benchmark: BenchmarkFixture) -> None:
    assert benchmark(ReturnPath, RETURN_TO).value == RETURN_TO


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


class OneStanding(SessionLookup):
    """Knows one session and answers at once, so only the service's own work is measured."""

    def __init__(self, session: Session) -> None:
        self._standing = SessionStanding(
            session_id=session.id,
            user_id=session.user_id,
            issued_at=session.issued_at,
            renewed_at=session.renewed_at,
            expires_at=session.expires_at,
            absolute_expires_at=session.absolute_expires_at,
            is_revoked=False,
        )

    async def find(self, user_id: UserId, session_id: SessionId) -> SessionStanding | None:
        standing = self._standing
        return (
            standing if (user_id, session_id) == (standing.user_id, standing.session_id) else None
        )


def test_answer_verify_without_database(
    benchmark: BenchmarkFixture, runner: asyncio.Runner, session: Session
) -> None:
    tokens = jwt_tokens(1)
    token = tokens.issue(session, ICN("1012666182V203559"), expires_at=session.expires_at)
    hot_path = HotPath(
        validate_session=ValidateSession(
            tokens=tokens, sessions=OneStanding(session), clock=SystemClock()
        ),
        front_ends=SimpleNamespace(limits_of=lambda _front_end: SessionLimits()),
        is_public_https=True,
        measurements=Measurements(),
    )
    authorization = (b"authorization", f"Bearer {token.reveal()}".encode())
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def answer() -> None:
        for _ in range(100):
            scope = {
                "type": "http",
                "method": "GET",
                "path": "/api/v1/verify",
                "headers": [authorization],
            }
            assert await hot_path.answers(scope, send)
        sent.clear()

    benchmark(lambda: runner.run(answer()))


@pytest.fixture(scope="module")
def pool(runner: asyncio.Runner) -> Iterator[Pool]:
    async def opened() -> Pool:
        pool = build_pool(os.environ["VETASSIST_DATABASE_URL"], max_size=4, min_size=1)
        await pool.open()
        await pool.wait()
        return pool

    pool = runner.run(opened())
    yield pool
    runner.run(pool.close())


@pytest.fixture(scope="module")
def keys() -> list[tuple[UserId, SessionId]]:
    with psycopg.connect(os.environ["VETASSIST_DATABASE_URL"]) as connection:
        rows: list[tuple[UUID, UUID]] = connection.execute(
            "SELECT user_id, id FROM vetassist_sessions ORDER BY id LIMIT %s", (max(AT_ONCE),)
        ).fetchall()
    return [(UserId(user_id), SessionId(session_id)) for user_id, session_id in rows]


@pytest.mark.parametrize("at_once", AT_ONCE)
def test_look_up_sessions(
    benchmark: BenchmarkFixture,
    runner: asyncio.Runner,
    pool: Pool,
    keys: list[tuple[UserId, SessionId]],
    at_once: int,
) -> None:
    lookup = PostgresSessionLookup(pool, deadline=timedelta(seconds=10))

    async def look_up() -> list[object]:
        return [*await asyncio.gather(*(lookup.find(*key) for key in keys[:at_once]))]

    found = benchmark(lambda: runner.run(look_up()))
    assert None not in found
