"""CORS for pages of the front end."""

from typing import Final, final

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.web_url import origin_of
from entrypoints.settings import Settings
from entrypoints.web.origin_guard import is_one_of
from entrypoints.web.session_endpoints import VERIFY_PATH
from entrypoints.web.token_endpoint import TOKEN_PATH

_METHODS: Final = ("GET", "POST", "DELETE")
_REQUEST_HEADERS: Final = ("Authorization", "Content-Type")
#: The headers that a script may read in each response.
EXPOSED_HEADERS: Final = ("Retry-After", "X-Request-ID", "Content-Disposition")
_MAX_AGE_SECONDS: Final = 600

#: What tracing libraries in a browser add to requests, by who defines it. We read only W3C's.
TRACING_HEADERS: Final = (
    # W3C Trace Context and W3C Baggage, section 3 of each. OpenTelemetry and most others use them.
    *("traceparent", "tracestate", "baggage"),
    # Zipkin's B3: the single header, and one for each part.
    *("b3", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled", "x-b3-flags"),
    # Sentry
    "sentry-trace",
    # Datadog
    *("x-datadog-trace-id", "x-datadog-parent-id", "x-datadog-origin"),
    *("x-datadog-sampling-priority", "x-datadog-sampled", "x-datadog-tags"),
    # New Relic
    "newrelic",
    # Application Insights
    *("request-id", "request-context"),
    # Dynatrace
    *("x-dtc", "x-dtpc", "x-dtreferer"),
    # Instana
    *("x-instana-t", "x-instana-s", "x-instana-l"),
    # Elastic APM, before it sent traceparent
    "elastic-apm-traceparent",
    # AWS X-Ray, Google Cloud Trace
    *("x-amzn-trace-id", "x-cloud-trace-context"),
    # Jaeger, OpenTracing, SkyWalking
    *("uber-trace-id", "ot-tracer-traceid", "ot-tracer-spanid", "ot-tracer-sampled", "sw8"),
    # No standard, but many gateways and clients
    *("x-request-id", "x-correlation-id", "x-trace-id"),
)


def front_end_elsewhere(settings: Settings) -> str | None:
    """The front end's origin, or None if it is the service's own."""
    front_end = origin_of(settings.frontend_url)
    return None if front_end == origin_of(settings.public_url) else front_end


@final
class FrontEndCORS(CORSMiddleware):
    """CORS for the front end's origin, except on the routes for proxies and back ends.

    A preflight needs no session. If a proxy forwarded a client's preflight as its check, the
    response would let the request through to a back end. And no page may use the route for VA
    tokens.
    """

    def __init__(self, app: ASGIApp, *, front_end: str) -> None:
        super().__init__(
            app,
            allow_origins=[front_end],
            allow_credentials=True,
            allow_methods=_METHODS,
            allow_headers=[*_REQUEST_HEADERS, *TRACING_HEADERS],
            expose_headers=EXPOSED_HEADERS,
            max_age=_MAX_AGE_SECONDS,
        )

    def is_allowed_origin(self, origin: str) -> bool:
        """Whether a page of this origin may call, in whatever form the origin is written."""
        return is_one_of(origin, self.allow_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http" and scope["path"].startswith((VERIFY_PATH, TOKEN_PATH)):
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def preflight_response(self, request_headers: Headers) -> Response:
        """Respond to a preflight. A question about private networks stays unanswered.

        Chrome asks it if a public page calls a service at a private address, and goes on without an
        answer. Starlette would refuse the whole preflight.
        """
        headers = MutableHeaders(raw=list(request_headers.raw))
        del headers["access-control-request-private-network"]
        return super().preflight_response(headers)
