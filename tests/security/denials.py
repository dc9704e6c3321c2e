"""What it means to be denied: a general error, no session, one line in the audit."""

from urllib.parse import urlsplit

import httpx

from domain.audit_event import AuditEventType
from tests.support.product import Product

EXCHANGE_FAILED = "token_exchange_failed"
LOGIN_EXPIRED = "login_expired"
IDENTITY_MISSING = "identity_missing"
ACCESS_DENIED = "access_denied"
PROVIDER_UNAVAILABLE = "provider_unavailable"
SERVICE_UNAVAILABLE = "service_unavailable"


def assert_denied(
    product: Product,
    answer: httpx.Response,
    error: str = EXCHANGE_FAILED,
    *,
    reason: str | None = None,
) -> None:
    """The callback's answer denies, and nothing but the audit remembers.

    That neither log nor audit holds a secret is looked at when the product ends.
    """
    assert_turned_away(product, answer, error)
    failures = [event for event in product.audit if event.type is AuditEventType.LOGIN_FAILED]
    assert len(failures) == 1
    assert failures[0].data["error"] == error
    assert reason is None or failures[0].data["reason"] == reason
    stored = product.store.committed
    assert not stored.sessions
    assert not stored.users
    assert not stored.va_tokens
    assert len(product.audit) == 1


def assert_turned_away(product: Product, answer: httpx.Response, error: str) -> None:
    """The browser is sent to the error page, with the public code and nothing else."""
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == f"{product.settings.frontend_url}/va-error?error={error}"
    assert answer.content == b""
    assert not [name for name in answer.cookies if answer.cookies[name]]


def parameters_of(answer: httpx.Response) -> dict[str, str]:
    """The query of the redirect, each parameter once."""
    pairs = httpx.QueryParams(urlsplit(answer.headers["location"]).query).multi_items()
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)
