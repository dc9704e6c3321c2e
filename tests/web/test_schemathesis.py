"""The API, asked for whatever its own description allows and forbids.

FUZZ_EXAMPLES (see tests/support/fuzzing.py) makes it a longer run.
"""

from collections.abc import Iterator
from typing import Any, Final, final

import pytest
import schemathesis
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, settings
from schemathesis import AuthContext, Case
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.schemas import OpenApiSchema
from starlette.types import Receive, Scope, Send

from entrypoints.web.api.description import describe
from entrypoints.web.browser_answers import LOGIN_PATH
from entrypoints.web.disclosure_endpoints import USES_PATH
from entrypoints.web.history_endpoints import HISTORY_PATH
from entrypoints.web.session_cookies import SessionCookies
from entrypoints.web.token_endpoint import TOKEN_PATH
from tests.support.frozen_clock import frozen_clock
from tests.support.fuzzing import EXAMPLES
from tests.support.product import SERVICE_URL, Product, running_product

#: Stands for a token until the request is on its way: some are made before anything runs.
_NEW_TOKEN: Final = "Bearer NEW-TOKEN"
_SEED: Final = 20260120
#: No schema can say which clients, tokens, front ends and places there are: a 400 tells nothing.
_JUDGED_BY_MORE: Final = [
    {
        "include-path": [TOKEN_PATH, USES_PATH, HISTORY_PATH],
        "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", 400, 401, 429]}},
    },
    {
        "include-path": [LOGIN_PATH],
        "checks": {"positive_data_acceptance": {"expected-statuses": [204, 303, 400, 503]}},
    },
]
_SOME: Final = settings(
    max_examples=max(1, EXAMPLES // 100),
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


@final
class Doorway:
    """Leads to the product that runs, and gives tokens to those who are signed in."""

    def __init__(self) -> None:
        self.product: Product | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.product is not None
        assert scope["type"] == "http"
        for position, (name, value) in enumerate(scope["headers"]):
            if name == b"authorization" and value == _NEW_TOKEN.encode():
                # One request may end the session of the next, so each has its own.
                signed_in = await self.product.sign_in()
                scope["headers"][position] = (name, f"Bearer {signed_in.token}".encode())
        await self.product.app(scope, receive, send)


DOORWAY: Final = Doorway()


def described() -> OpenApiSchema:
    cookies = SessionCookies(secure=False, clock=frozen_clock())
    schema = schemathesis.openapi.from_dict(
        describe(public_url=SERVICE_URL, cookies=cookies, delivers_by_cookie=False),
        config=SchemathesisConfig.from_dict({"seed": _SEED, "operations": _JUDGED_BY_MORE}),
    )
    schema.app = DOORWAY
    return schema


as_stranger = described()
as_user = described()


@as_user.auth()
class SignedIn:
    def get(self, _case: Case[Any], _context: AuthContext) -> str:
        return _NEW_TOKEN

    def set(self, case: Case[Any], data: str, _context: AuthContext) -> None:
        case.headers["Authorization"] = data


@pytest.fixture(scope="module", autouse=True)
def product() -> Iterator[None]:
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(running_product(login_rate=0)) as DOORWAY.product,
    ):
        yield
    DOORWAY.product = None


@as_stranger.parametrize()
@_SOME
def test_what_a_stranger_asks_is_answered_as_described(case: Case[Any]) -> None:
    case.call_and_validate()


@as_user.parametrize()
@_SOME
def test_what_a_signed_in_user_asks_is_answered_as_described(case: Case[Any]) -> None:
    case.call_and_validate()
