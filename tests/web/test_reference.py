"""What a person quotes to support leads to the log and to the audit trail."""

import httpx
import pytest

from application.ports.readiness import ReadinessCheck
from domain.audit_event import AuditEventType
from tests.support.product import FRONT_END_URL, LOGIN, SERVICE_URL, Product, running_product

HTTPS = "https://vetassist.example"


def cookie_of(answer: httpx.Response) -> str:
    """The Set-Cookie field that carries the reference."""
    fields = answer.headers.get_list("set-cookie")
    return next((field for field in fields if "vetassist_reference=" in field), "")


def noted(product: Product, request_id: str) -> set[str]:
    """Which events the log has under a request's id."""
    return {line["event"] for line in product.logged if line.get("request_id") == request_id}


async def test_a_problem_names_its_request_as_the_header_and_the_log_do() -> None:
    async with running_product() as product:
        refused = await product.browser().get("/api/v1/session")
        request_id = refused.headers["x-request-id"]
        assert refused.json()["reference"] == request_id
        assert noted(product, request_id) == {"request"}


async def test_a_bug_names_its_request_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_product() as product:

        async def bug(_command: object) -> None:
            raise RuntimeError

        monkeypatch.setattr(product.container.start_va_login(), "execute", bug)
        failed = await product.browser().get(LOGIN)
        request_id = failed.headers["x-request-id"]
        assert failed.status_code == 500
        assert failed.json()["reference"] == request_id
        assert noted(product, request_id) == {"unhandled_error", "request"}


@pytest.mark.parametrize(
    ("url", "prefix"), [(SERVICE_URL, ""), (HTTPS, "__Secure-")], ids=["http", "https"]
)
async def test_the_error_page_shows_the_reference_of_the_sign_in_that_failed(
    url: str, prefix: str
) -> None:
    async with running_product(public_url=url, frontend_url=url) as product:
        browser = product.browser()
        failed = await browser.attempt("decline")
        request_id = failed.headers["x-request-id"]
        page = await browser.get(failed.headers["location"])
        start = await browser.get("/")

    field = cookie_of(failed)
    assert field.startswith(f"{prefix}vetassist_reference={request_id}; ")
    assert "HttpOnly" in field
    assert "Path=/va-error" in field
    assert ("; Secure" in field) == bool(prefix)
    assert f"<code>{request_id}</code>" in page.text
    assert request_id not in start.text
    assert [event.visitor.request_id for event in product.audit] == [request_id]
    assert product.audit[0].type is AuditEventType.LOGIN_FAILED
    assert noted(product, request_id) == {"sign_in_failed", "request"}


async def test_a_front_end_elsewhere_gets_no_cookie_for_a_page_that_is_not_here() -> None:
    async with running_product(frontend_url=FRONT_END_URL) as product:
        failed = await product.browser().attempt("decline")
    assert failed.headers["location"] == f"{FRONT_END_URL}/va-error?error=access_denied"
    assert cookie_of(failed) == ""


@pytest.mark.parametrize(
    "planted",
    ["canary", "0123456789ab-1<b>", "0123456789AB-1", "0123456789ab-" + "1" * 17, ""],
)
async def test_a_reference_that_is_none_of_ours_is_not_shown(planted: str) -> None:
    async with running_product(frontend_url=SERVICE_URL) as product:
        browser = product.browser()
        page = await browser.get(
            "/va-error?error=login_expired",
            headers={"Cookie": f"vetassist_reference={planted}"},
        )
        assert page.status_code == 200
        assert "Reference (for support)" not in page.text


async def test_a_made_up_error_shows_no_reference_either() -> None:
    async with running_product(frontend_url=SERVICE_URL) as product:
        browser = product.browser()
        await browser.attempt("decline")
        page = await browser.get("/va-error?error=canary")
        assert "Reference (for support)" not in page.text


async def test_an_outage_of_ours_names_its_request(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_product() as product:

        async def down() -> frozenset[ReadinessCheck]:
            return frozenset({ReadinessCheck.WRITABLE})

        monkeypatch.setattr(product.container.readiness(), "failing", down)
        answer = await product.browser().get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["failing"] == ["writable"]
        assert answer.json()["reference"] == answer.headers["x-request-id"]
