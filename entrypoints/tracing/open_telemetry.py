"""Traces with OpenTelemetry (the optional extra ``tracing``).

Only this module needs OpenTelemetry. It is imported only if VETASSIST_TRACING is on.
OpenTelemetry's own variables set the destination (``OTEL_EXPORTER_OTLP_*``), the sampling
(``OTEL_TRACES_SAMPLER``), and the service name (``OTEL_SERVICE_NAME``).
"""

import os
from asyncio import to_thread
from collections.abc import Callable
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self, final

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from entrypoints.metrics.measurements import SESSION, VERIFY, known_method
from entrypoints.request_ids import REQUEST_ID
from entrypoints.tracing.spans import Attributes, Spans

#: Whether the trace context that a peer sends with a request is accepted.
Trusts = Callable[[str], bool]

_NAME: Final = "vetassist"
_OWN_NAME: Final = "OTEL_SERVICE_NAME"
_AT_ONCE: Final = frozenset({VERIFY, SESSION})
_NO_PARENT: Final = Context()


@final
class OpenTelemetrySpans(Spans):
    """Exports spans in batches from a separate thread."""

    def __init__(self, *, trusts: Trusts, exporter: SpanExporter | None = None) -> None:
        name = os.environ.get(_OWN_NAME, _NAME)
        self._provider = TracerProvider(
            resource=Resource.create({SERVICE_NAME: name}), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer(_NAME)
        self._trusts = trusts
        self._propagator = TraceContextTextMapPropagator()

    def around(self, app: ASGIApp) -> ASGIApp | None:
        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            await self._trace(app, scope, receive, send)

        return traced

    def add(self, name: str, *, began_at: int, seconds: float, attributes: Attributes) -> None:
        span = self._tracer.start_span(
            name, kind=SpanKind.CLIENT, start_time=began_at, attributes=dict(attributes)
        )
        span.end(end_time=began_at + round(seconds * 1e9))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await to_thread(self._provider.shutdown)

    async def _trace(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        status = 0

        async def send_and_keep_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with (
            self._tracer.start_as_current_span(
                "request",
                context=self._parent(scope),
                kind=SpanKind.SERVER,
                # The message of an error may quote user input.
                record_exception=False,
                set_status_on_exception=False,
            ) as span,
            structlog.contextvars.bound_contextvars(
                trace_id=trace.format_trace_id(span.get_span_context().trace_id)
            ),
        ):
            await app(scope, receive, send_and_keep_status)
            _describe(span, scope, status)

    def _parent(self, scope: Scope) -> Context:
        """Returns the trace context that a trusted proxy sent, or an empty context."""
        client = scope.get("client")
        if client is None or not self._trusts(client[0]):
            return _NO_PARENT
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        return self._propagator.extract(headers, context=_NO_PARENT)


def _describe(span: Span, scope: Scope, status: int) -> None:
    method, route = known_method(scope["method"]), _route_of(scope)
    span.update_name(f"{method} {route}")
    span.set_attributes(
        {
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
        }
    )
    if REQUEST_ID in scope:
        span.set_attribute("vetassist.request_id", scope[REQUEST_ID])
    if status == 0 or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        span.set_status(Status(StatusCode.ERROR))


def _route_of(scope: Scope) -> str:
    """Returns the route template. Paths that the hot path answers are their own template."""
    if (route := getattr(scope.get("route"), "path", "")) or scope["path"] not in _AT_ONCE:
        return route or "unmatched"
    return str(scope["path"])
