"""CORS for pages of the front ends."""

from typing import Final, final

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from application.front_end_roster import FrontEndRoster
from domain.web_url import origin_of
from entrypoints.web.calling_front_ends import with_origin
from entrypoints.web.session_endpoints import FRONT_ENDS_PATH, VERIFY_PATH
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


_FOR_PROGRAMS: Final = (VERIFY_PATH, FRONT_ENDS_PATH, TOKEN_PATH)


@final
class FrontEndCORS(CORSMiddleware):
    """CORS for the front ends' origins, except on the routes for proxies and back ends.

    A preflight needs no session. If a proxy forwarded a client's preflight as its check, the
    response would let the request through to a back end. And no page may use the route for VA
    tokens.

    Args:
        app: The application.
        roster: All front ends.
        public_url: Where browsers reach the service. Its own pages need no CORS.
        rechecks: Whether to look for a new front end if an origin isn't known.
    """

    def __init__(
        self, app: ASGIApp, *, roster: FrontEndRoster, public_url: str, rechecks: bool = True
    ) -> None:
        self._roster = roster
        self._own_origin = origin_of(public_url)
        self._rechecks = rechecks
        super().__init__(
            app,
            allow_origins=(),
            allow_credentials=True,
            allow_methods=_METHODS,
            allow_headers=[*_REQUEST_HEADERS, *TRACING_HEADERS],
            expose_headers=EXPOSED_HEADERS,
            max_age=_MAX_AGE_SECONDS,
        )

    def is_allowed_origin(self, origin: str) -> bool:
        """Whether a page of this origin may call, in whatever form the origin is written."""
        front_end = with_origin(self._roster, origin)
        # The service's own pages count as those of the settings' front end, but need no CORS.
        return front_end is not None and origin_of(origin) != self._own_origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        origin = Headers(scope=scope).get("origin")
        if origin and self._rechecks and with_origin(self._roster, origin) is None:
            await self._roster.recheck()
        if scope["path"].startswith(_FOR_PROGRAMS) or self._is_as_without(origin):
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def _is_as_without(self, origin: str | None) -> bool:
        """Whether the service has its own pages and no other front end is concerned."""
        is_alone = self._roster.settings.origin == self._own_origin
        return is_alone and (origin is None or not self.is_allowed_origin(origin))

    def preflight_response(self, request_headers: Headers) -> Response:
        """Respond to a preflight. A question about private networks stays unanswered.

        Chrome asks it if a public page calls a service at a private address, and goes on without an
        answer. Starlette would refuse the whole preflight.
        """
        headers = MutableHeaders(raw=list(request_headers.raw))
        del headers["access-control-request-private-network"]
        return super().preflight_response(headers)
