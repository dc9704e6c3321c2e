"""The original design of this service, typed in as it was written, to compare a sign-in with.

FastAPI, httpx, asyncpg, PyJWT and Fernet, with the statements of the design, one after another, in
tables of its own. What the design leaves open is done in the cheapest way that works: pending
sign-ins are kept in a dict, one httpx client keeps its connections, and the ID token isn't
verified. There is no cookie that binds the browser, no check of VA's answers, no audit seal, and
no refresh token of ours.
"""

import gc
import hashlib
import json
import os
import secrets
import uuid
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

import asyncpg
import httpx
import jwt
from cryptography.fernet import Fernet
from fastapi import FastAPI, Query, Request
from fastapi.responses import RedirectResponse
from psycopg.conninfo import conninfo_to_dict

from benchmarks.reference_app import AUDIENCE, DATABASE, ISSUER, SECRET
from benchmarks.reference_server import serve

_POOL_SIZE = 10
_JWT_MINUTES = 30
_DISCOVERY = "/.well-known/openid-configuration"
_TABLES = """
CREATE TABLE IF NOT EXISTS vetassist_users (
    id uuid PRIMARY KEY, va_icn text UNIQUE, va_veteran_status text, email text, first_name text,
    last_name text, last_login_at timestamptz, created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now()
);
CREATE TABLE IF NOT EXISTS vetassist_va_tokens (
    user_id uuid PRIMARY KEY REFERENCES vetassist_users, access_token_encrypted text NOT NULL,
    refresh_token_encrypted text, token_type text, scope text, expires_at timestamptz,
    refreshed_at timestamptz
);
CREATE TABLE IF NOT EXISTS vetassist_sessions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id uuid REFERENCES vetassist_users,
    jwt_id text UNIQUE, device_info jsonb, expires_at timestamptz, revoked_at timestamptz,
    created_at timestamptz DEFAULT now()
);
CREATE TABLE IF NOT EXISTS vetassist_auth_audit (
    id bigserial PRIMARY KEY, user_id uuid, event_type text, event_data jsonb, ip_hash text,
    created_at timestamptz DEFAULT now()
);
"""


class VAOAuthService:
    """VA's OAuth endpoints, as the design's route calls them."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._base = os.environ["VETASSIST_VA_DISCOVERY_URL"].removesuffix(_DISCOVERY)
        self._status_url = os.environ["VETASSIST_VA_STATUS_URL"]
        self._client_id = os.environ["VETASSIST_VA_CLIENT_ID"]
        self._credentials = (self._client_id, os.environ["VETASSIST_VA_CLIENT_SECRET"])
        self._redirect_uri = os.environ["VETASSIST_PUBLIC_URL"] + "/api/v1/va/callback"
        self._pending: dict[str, str] = {}

    def authorization_url(self) -> str:
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self._pending[state] = verifier
        challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        parameters = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "scope": "openid profile offline_access veteran_status.read",
            "state": state,
            "nonce": secrets.token_urlsafe(16),
            "code_challenge": challenge.rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return f"{self._base}/authorization?{urlencode(parameters)}"

    async def exchange_code_for_token(self, code: str, state: str) -> dict[str, Any]:
        answer = await self._http.post(
            f"{self._base}/token",
            auth=self._credentials,
            data={
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self._redirect_uri,
                "code_verifier": self._pending.pop(state),
            },
        )
        answer.raise_for_status()
        tokens: dict[str, Any] = answer.json()
        return tokens

    async def get_veteran_info(self, access_token: str) -> dict[str, Any]:
        answer = await self._http.get(
            self._status_url, headers={"Authorization": f"Bearer {access_token}"}
        )
        answer.raise_for_status()
        data = answer.json()["data"]
        return {"icn": data["id"], "veteran_status": data["attributes"]["veteran_status"]}


class VASessionService:
    """The design's class, with its statements."""

    def __init__(self, db_pool: Any) -> None:
        self.db = db_pool
        self._secret = os.environ[SECRET]
        self._fernet = Fernet(Fernet.generate_key())

    async def create_session_from_va_auth(
        self, va_tokens: dict[str, Any], va_claims: dict[str, Any], device_info: dict[str, Any]
    ) -> dict[str, Any]:
        async with self.db.acquire() as conn, conn.transaction():
            va_icn = va_claims.get("icn") or va_claims.get("sub")
            if not va_icn:
                raise ValueError("No ICN found in VA claims")
            user = await self._find_or_create_user(conn, va_icn, va_claims)
            user_id = str(user["id"])
            await self._store_va_tokens(conn, user_id, va_tokens)
            jwt_id = str(uuid.uuid4())
            jwt_token = self._generate_jwt(user_id, va_icn, jwt_id)
            expires_at = datetime.now(UTC) + timedelta(minutes=_JWT_MINUTES)
            await conn.execute(
                """INSERT INTO vetassist_sessions (user_id, jwt_id, device_info, expires_at)
                   VALUES ($1, $2, $3, $4)""",
                uuid.UUID(user_id),
                jwt_id,
                device_info,
                expires_at,
            )
            await self._audit_log(conn, user_id, va_icn, device_info)
            return {"jwt_token": jwt_token, "expires_at": expires_at.isoformat()}

    async def _find_or_create_user(
        self, conn: Any, va_icn: str, va_claims: dict[str, Any]
    ) -> dict[str, Any]:
        user = await conn.fetchrow("SELECT * FROM vetassist_users WHERE va_icn = $1", va_icn)
        if user:
            await conn.execute(
                """UPDATE vetassist_users SET last_login_at = NOW(), updated_at = NOW()
                   WHERE id = $1""",
                user["id"],
            )
            return dict(user)
        user_id = uuid.uuid4()
        await conn.execute(
            """INSERT INTO vetassist_users
               (id, va_icn, va_veteran_status, email, first_name, last_name, last_login_at)
               VALUES ($1, $2, $3, $4, $5, $6, NOW())""",
            user_id,
            va_icn,
            va_claims.get("veteran_status", "unknown"),
            va_claims.get("email"),
            va_claims.get("first_name"),
            va_claims.get("last_name"),
        )
        return {"id": user_id, "va_icn": va_icn}

    async def _store_va_tokens(self, conn: Any, user_id: str, va_tokens: dict[str, Any]) -> None:
        access = self._fernet.encrypt(va_tokens["access_token"].encode()).decode()
        refresh = None
        if va_tokens.get("refresh_token"):
            refresh = self._fernet.encrypt(va_tokens["refresh_token"].encode()).decode()
        expires_at = datetime.now(UTC) + timedelta(seconds=va_tokens.get("expires_in", 3600))
        await conn.execute(
            """INSERT INTO vetassist_va_tokens
               (user_id, access_token_encrypted, refresh_token_encrypted,
                token_type, scope, expires_at)
               VALUES ($1, $2, $3, $4, $5, $6)
               ON CONFLICT (user_id) DO UPDATE SET
                   access_token_encrypted = EXCLUDED.access_token_encrypted,
                   refresh_token_encrypted = EXCLUDED.refresh_token_encrypted,
                   expires_at = EXCLUDED.expires_at,
                   refreshed_at = NOW()""",
            uuid.UUID(user_id),
            access,
            refresh,
            va_tokens.get("token_type", "Bearer"),
            va_tokens.get("scope", ""),
            expires_at,
        )

    def _generate_jwt(self, user_id: str, va_icn: str, jwt_id: str) -> str:
        now = datetime.now(UTC)
        payload = {
            "sub": user_id,
            "iss": ISSUER,
            "aud": AUDIENCE,
            "exp": now + timedelta(minutes=_JWT_MINUTES),
            "iat": now,
            "jti": jwt_id,
            "va_linked": True,
            "va_icn": va_icn,
        }
        return jwt.encode(payload, self._secret, algorithm="HS256")

    async def _audit_log(
        self, conn: Any, user_id: str, va_icn: str, device_info: dict[str, Any]
    ) -> None:
        ip_hash = hashlib.sha256(device_info["ip"].encode()).hexdigest()
        await conn.execute(
            """INSERT INTO vetassist_auth_audit (user_id, event_type, event_data, ip_hash)
               VALUES ($1, $2, $3, $4)""",
            uuid.UUID(user_id),
            "login",
            {"method": "va_oauth", "icn": va_icn[:8] + "..."},
            ip_hash,
        )


def _database() -> dict[str, Any]:
    """The options of asyncpg, which doesn't read libpq's connection strings."""
    named = conninfo_to_dict(os.environ[DATABASE])
    options = {name: named[name] for name in ("host", "port", "user", "password")}
    return options | {"database": named["dbname"], "ssl": False}


async def _read_json(connection: Any) -> None:
    await connection.set_type_codec(
        "jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog"
    )


def app() -> FastAPI:
    """Returns the application."""

    @asynccontextmanager
    async def lifespan(application: FastAPI) -> AsyncIterator[None]:
        async with (
            httpx.AsyncClient(trust_env=False) as http,
            asyncpg.create_pool(
                **_database(), min_size=_POOL_SIZE, max_size=_POOL_SIZE, init=_read_json
            ) as pool,
        ):
            await pool.execute(_TABLES)
            application.state.va = VAOAuthService(http)
            application.state.sessions = VASessionService(pool)
            gc.collect()
            gc.freeze()
            gc.set_threshold(20_000, 20, 50)
            yield

    application = FastAPI(lifespan=lifespan)
    front_end = os.environ["VETASSIST_FRONTEND_URL"]

    @application.get("/readyz")
    async def readyz() -> dict[str, str]:
        return {"status": "ready"}

    @application.get("/api/v1/va/login")
    async def va_login(request: Request) -> RedirectResponse:
        return RedirectResponse(url=request.app.state.va.authorization_url(), status_code=303)

    @application.get("/api/v1/va/callback")
    async def va_callback(
        request: Request, code: Annotated[str, Query()], state: Annotated[str, Query()]
    ) -> RedirectResponse:
        va, sessions = request.app.state.va, request.app.state.sessions
        tokens = await va.exchange_code_for_token(code, state)
        claims = await va.get_veteran_info(tokens["access_token"])
        device = {
            "ip": request.client.host if request.client else "",
            "user_agent": request.headers.get("user-agent", ""),
        }
        session = await sessions.create_session_from_va_auth(tokens, claims, device)
        query = f"token={session['jwt_token']}&expires={session['expires_at']}"
        return RedirectResponse(url=f"{front_end}/va-success?{query}", status_code=303)

    return application


if __name__ == "__main__":
    serve("benchmarks.literal_design:app")
