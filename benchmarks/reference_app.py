"""Three minimal services with which validations are compared.

They run on the same server with the same options and garbage collector settings as ours.
"""

import gc
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

import jwt
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.reference_server import serve

SECRET = "VETASSIST_JWT_SECRET"
DATABASE = "VETASSIST_DATABASE_URL"
ISSUER = "vetassist.ganuda.us"
AUDIENCE = "vetassist-frontend"
#: The same as the service's.
_POOL_SIZE = 10
_SELECT = """
SELECT expires_at, revoked_at FROM vetassist_sessions WHERE user_id = %s AND id = %s
"""


def claims_of(request: Request, secret: str) -> dict[str, Any]:
    """Verifies the token of a request with PyJWT and returns its claims."""
    token = request.headers["authorization"].removeprefix("Bearer ")
    claims: dict[str, Any] = jwt.decode(
        token,
        secret,
        algorithms=["HS256"],
        issuer=ISSUER,
        audience=AUDIENCE,
        options={"require": ["sub", "iss", "aud", "iat", "exp", "jti", "sid"]},
    )
    return claims


def app() -> Starlette:
    """Returns the application, with each service under its own path."""
    secret = os.environ[SECRET]
    pool = AsyncConnectionPool[AsyncConnection[Any]](
        os.environ[DATABASE],
        kwargs={"autocommit": True},
        min_size=_POOL_SIZE,
        max_size=_POOL_SIZE,
        open=False,
    )

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with pool:
            gc.collect()
            gc.freeze()
            gc.set_threshold(20_000, 20, 50)
            yield

    async def constant(_request: Request) -> Response:
        return Response()

    async def stateless(request: Request) -> Response:
        claims = claims_of(request, secret)
        return Response(headers={"X-Auth-User": claims["sub"], "X-Auth-Session": claims["sid"]})

    async def one_select(request: Request) -> Response:
        claims = claims_of(request, secret)
        async with pool.connection() as connection:
            cursor = await connection.execute(_SELECT, (UUID(claims["sub"]), UUID(claims["sid"])))
            row = await cursor.fetchone()
        if row is None or row[1] is not None or datetime.now(UTC) >= row[0]:
            return Response(status_code=HTTPStatus.UNAUTHORIZED)
        return Response(headers={"X-Auth-User": claims["sub"], "X-Auth-Session": claims["sid"]})

    return Starlette(
        routes=[
            Route("/constant", constant),
            Route("/stateless", stateless),
            Route("/one-select", one_select),
        ],
        lifespan=lifespan,
    )


if __name__ == "__main__":
    serve("benchmarks.reference_app:app")
