"""What a front end on another origin may send and read, also when something is wrong."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import httpx
import pytest

from adapters.memory.unit_of_work import MemoryUnitOfWork
from adapters.memory.user_directory import MemoryUserDirectory
from application.errors import UnavailableError
from entrypoints.web.cross_origin import TRACING_HEADERS
from tests.security.cookies import REDEEM, RENEW
from tests.support.product import FRONT_END_URL, LOGIN, Product, running_product

SESSION: Final = "/api/v1/session"
PAGE: Final = {"Origin": FRONT_END_URL}
API: Final = {**PAGE, "Accept": "application/json"}
EXPOSED: Final = {"Retry-After", "X-Request-ID", "Content-Disposition"}


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    async with running_product(login_rate=1) as product:
        yield product


def assert_readable(answer: httpx.Response) -> None:
    """A page of the front end can read the answer, and these headers of it."""
    told = answer.headers
    assert told["access-control-allow-origin"] == FRONT_END_URL
    assert told["access-control-allow-credentials"] == "true"
    assert set(told["access-control-expose-headers"].split(", ")) == EXPOSED
    assert "Origin" in told["vary"].split(", ")
    assert told["x-request-id"]


async def preflight(product: Product, *asked: str, path: str = SESSION, **more: str) -> Any:
    headers = {
        **PAGE,
        "Access-Control-Request-Method": "DELETE",
        "Access-Control-Request-Headers": ",".join(asked),
        **more,
    }
    return await product.browser().http.options(path, headers=headers)


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: object) -> None:
        raise UnavailableError

    monkeypatch.setattr(MemoryUnitOfWork, "__aenter__", fails)


# What comes back, whatever it is.


async def _signed_in(product: Product) -> dict[str, str]:
    return (await product.sign_in()).headers


async def ok(product: Product) -> httpx.Response:
    return await product.browser().get(SESSION, headers=await _signed_in(product) | PAGE)


async def file(product: Product) -> httpx.Response:
    answer = await product.browser().get(
        "/api/v1/history/export?format=csv", headers=await _signed_in(product) | PAGE
    )
    assert answer.headers["content-disposition"].startswith("attachment")
    return answer


async def malformed(product: Product) -> httpx.Response:
    return await product.browser().post(RENEW, json=[], headers=PAGE)


async def unauthorized(product: Product) -> httpx.Response:
    return await product.browser().get(SESSION, headers=PAGE)


async def unauthorized_by_the_hot_path(product: Product) -> httpx.Response:
    return await product.browser().get(SESSION, headers=PAGE | {"Authorization": "Bearer x"})


async def forbidden(product: Product) -> httpx.Response:
    browser = (await product.sign_in()).browser
    return await browser.post(RENEW, headers=PAGE | {"Sec-Fetch-Site": "cross-site"})


async def unknown(product: Product) -> httpx.Response:
    return await product.browser().get("/api/v1/nothing", headers=PAGE)


async def wrong_method(product: Product) -> httpx.Response:
    return await product.browser().post("/api/v1/sessions", headers=PAGE)


async def too_large(product: Product) -> httpx.Response:
    return await product.browser().post(REDEEM, json={"code": "x" * 5000}, headers=PAGE)


async def no_json(product: Product) -> httpx.Response:
    return await product.browser().post(REDEEM, content=b"code=x", headers=PAGE)


async def too_many(product: Product) -> httpx.Response:
    await product.browser().get(LOGIN, headers=API)
    answer = await product.browser().get(LOGIN, headers=API)
    assert answer.headers["retry-after"]
    return answer


async def a_bug(product: Product) -> httpx.Response:
    headers = await _signed_in(product) | PAGE
    with pytest.MonkeyPatch.context() as patched:

        async def fails(*_: object) -> None:
            raise RuntimeError

        patched.setattr(MemoryUserDirectory, "find", fails)
        return await product.browser().get("/api/v1/user", headers=headers)


async def provider_down(product: Product) -> httpx.Response:
    product.faults(discovery={"answer": 503})
    answer = await product.browser().get(LOGIN, headers=API)
    assert answer.headers["retry-after"]
    return answer


ANSWERS: Final[list[tuple[Callable[[Product], Awaitable[httpx.Response]], int]]] = [
    (ok, 200),
    (file, 200),
    (malformed, 400),
    (unauthorized, 401),
    (unauthorized_by_the_hot_path, 401),
    (forbidden, 403),
    (unknown, 404),
    (wrong_method, 405),
    (too_large, 413),
    (no_json, 415),
    (too_many, 429),
    (a_bug, 500),
    (provider_down, 503),
]


@pytest.mark.parametrize(("ask", "status"), ANSWERS, ids=[each.__name__ for each, _ in ANSWERS])
async def test_a_page_can_read_every_answer_and_its_headers(
    product: Product, ask: Callable[[Product], Awaitable[httpx.Response]], status: int
) -> None:
    answer = await ask(product)

    assert answer.status_code == status
    assert_readable(answer)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/v1/sessions"), ("DELETE", SESSION), ("POST", RENEW), ("GET", "/api/v1/user")],
)
async def test_in_an_outage_a_page_learns_when_to_come_back(
    product: Product, monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    signed_in = await product.sign_in()

    async def fails(*_: object) -> None:
        raise UnavailableError

    monkeypatch.setattr(MemoryUnitOfWork, "__aenter__", fails)
    monkeypatch.setattr(MemoryUserDirectory, "find", fails)
    answer = await signed_in.browser.http.request(method, path, headers=signed_in.headers | PAGE)

    assert answer.status_code == 503
    assert answer.headers["retry-after"].isdigit()
    assert_readable(answer)


# What a page asks first.


@pytest.mark.parametrize(
    "asked",
    [
        ("authorization", "content-type"),
        ("traceparent", "tracestate", "baggage"),
        ("b3",),
        ("X-B3-TraceId", "X-B3-SpanId", "X-B3-ParentSpanId", "X-B3-Sampled", "X-B3-Flags"),
        ("sentry-trace", "baggage"),
        (
            "x-datadog-trace-id",
            "x-datadog-parent-id",
            "x-datadog-origin",
            "x-datadog-sampling-priority",
        ),
        ("newrelic", "traceparent", "tracestate"),
        ("request-id", "request-context"),
        ("x-amzn-trace-id",),
        ("x-cloud-trace-context",),
        ("uber-trace-id",),
        ("elastic-apm-traceparent",),
        ("x-dtpc", "x-dtc"),
        ("X-INSTANA-T", "X-INSTANA-S", "X-INSTANA-L"),
        ("sw8",),
        ("x-request-id", "x-correlation-id"),
        tuple(TRACING_HEADERS),
        ("authorization", "content-type", *TRACING_HEADERS),
    ],
    ids=lambda asked: asked[0] + f" and {len(asked) - 1} more",
)
async def test_the_headers_of_tracing_libraries_pass(
    product: Product, asked: tuple[str, ...]
) -> None:
    answer = await preflight(product, *asked)

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == FRONT_END_URL
    allowed = answer.headers["access-control-allow-headers"].lower().split(", ")
    assert {each.lower() for each in asked} <= set(allowed)
    assert int(answer.headers["access-control-max-age"]) >= 600
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize("asked", ["x-forwarded-for", "x-http-method-override", "*", "x-b3-"])
async def test_no_other_header_passes(product: Product, asked: str) -> None:
    answer = await preflight(product, "traceparent", asked)

    assert answer.status_code == 400


async def test_a_request_with_tracing_headers_is_answered_as_without(product: Product) -> None:
    signed_in = await product.sign_in()
    headers = signed_in.headers | PAGE | dict.fromkeys(TRACING_HEADERS, "00-x-y;z=")

    answer = await signed_in.browser.get(SESSION, headers=headers)

    assert answer.status_code == 200
    assert_readable(answer)


@pytest.mark.usefixtures("outage")
@pytest.mark.parametrize("path", [SESSION, RENEW, REDEEM, LOGIN, "/api/v1/nothing"])
async def test_a_preflight_needs_no_database(product: Product, path: str) -> None:
    answer = await preflight(product, "authorization", "traceparent", path=path)

    assert answer.status_code == 200


async def test_a_preflight_counts_toward_no_limit_and_is_refused_by_none(
    product: Product,
) -> None:
    for _ in range(3):
        assert (await preflight(product, "traceparent", path=LOGIN)).status_code == 200
    assert (await product.browser().get(LOGIN, headers=API)).status_code == 303
    assert (await product.browser().get(LOGIN, headers=API)).status_code == 429

    assert (await preflight(product, "traceparent", path=LOGIN)).status_code == 200


async def test_a_question_about_private_networks_is_neither_answered_nor_an_obstacle(
    product: Product,
) -> None:
    asked = {"Access-Control-Request-Private-Network": "true"}
    answer = await preflight(product, "authorization", **asked)

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == FRONT_END_URL
    assert "access-control-allow-private-network" not in answer.headers
    elsewhere = await preflight(product, "authorization", **asked, Origin="https://evil.example")
    assert elsewhere.status_code == 400
    assert "access-control-allow-origin" not in elsewhere.headers
