"""Traces of the running product: what is noted, and what never is."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar
from unittest.mock import patch

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, format_trace_id

from adapters.postgres.pool import Pool
from entrypoints.settings_reader import SettingsError
from entrypoints.tracing import open_telemetry
from entrypoints.tracing.spans import NoSpans
from tests.support.environment import plain_environment, read, required_settings
from tests.support.processes import HOST, running
from tests.support.product import CALLBACK, LOGIN, Product, running_product

OUR_PROXY = "10.0.0.1"
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = {"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01"}
CANARY = "canary5f2c9e"


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    """Takes what would have gone to a collector."""
    exporter = InMemorySpanExporter()
    with patch.object(open_telemetry, "OTLPSpanExporter", lambda: exporter):
        yield exporter


@asynccontextmanager
async def traced_product(pool: Pool | None = None) -> AsyncIterator[Product]:
    """A product that is traced until the block ends."""
    async with (
        running_product(pool=pool, tracing=True, trusted_proxies=f"{OUR_PROXY}/32") as product,
        product.container.spans(),
    ):
        yield product


def named(exporter: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [span for span in exporter.get_finished_spans() if span.name == name]


def all_that_is_said(spans: Sequence[ReadableSpan]) -> str:
    return "\n".join(span.to_json() for span in spans)


async def test_a_sign_in_is_one_trace_of_its_request_and_the_calls_it_made(
    exporter: InMemorySpanExporter,
) -> None:
    async with traced_product() as product:
        await product.sign_in()
        log = product.logged

    (callback,) = named(exporter, f"GET {CALLBACK}")
    assert callback.kind is SpanKind.SERVER
    assert callback.parent is None
    assert dict(callback.attributes or {}).items() >= {
        ("http.route", CALLBACK),
        ("http.request.method", "GET"),
        ("http.response.status_code", 303),
    }
    (exchange,) = named(exporter, "VA exchange")
    assert exchange.kind is SpanKind.CLIENT
    assert exchange.parent == callback.context
    assert exchange.attributes == {
        "vetassist.operation": "exchange",
        "vetassist.outcome": "2xx",
    }
    assert callback.start_time is not None
    assert exchange.start_time is not None
    assert callback.start_time <= exchange.start_time
    # Log and trace lead to each other.
    (line,) = [each for each in log if each.get("route") == CALLBACK]
    assert line["request_id"] == (callback.attributes or {})["vetassist.request_id"]
    assert callback.context is not None
    assert line["trace_id"] == format_trace_id(callback.context.trace_id)


@pytest.mark.postgres
async def test_a_unit_of_work_is_part_of_the_trace(
    exporter: InMemorySpanExporter, pool: Pool
) -> None:
    async with traced_product(pool) as product:
        container = product.container
        container.connection_pool.override(pool)
        container.unit_of_work.reset_override()
        async with container.unit_of_work() as work:
            await work.commit()
    (unit,) = named(exporter, "unit of work")
    assert unit.attributes == {"db.system.name": "postgresql", "vetassist.outcome": "committed"}


async def test_what_is_answered_at_once_is_noted_too(exporter: InMemorySpanExporter) -> None:
    async with traced_product() as product:
        signed_in = await product.sign_in()
        answer = await signed_in.browser.get("/api/v1/verify", headers=signed_in.headers)
        assert answer.status_code == 200
        assert (await signed_in.browser.get("/api/v1/verify")).status_code == 401

    statuses = [
        (span.attributes or {})["http.response.status_code"]
        for span in named(exporter, "GET /api/v1/verify")
    ]
    assert statuses == [200, 401]


async def test_a_bug_is_an_error_without_its_message(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with traced_product() as product:

        async def bug(_command: object) -> None:
            raise RuntimeError(CANARY)

        monkeypatch.setattr(product.container.start_va_login(), "execute", bug)
        assert (await product.browser().get(LOGIN)).status_code == 500

    (login,) = named(exporter, f"GET {LOGIN}")
    assert login.status.status_code is StatusCode.ERROR
    assert CANARY not in all_that_is_said(exporter.get_finished_spans())


async def test_nothing_that_was_sent_stands_in_a_trace(exporter: InMemorySpanExporter) -> None:
    async with traced_product() as product:
        signed_in = await product.sign_in()
        browser = signed_in.browser
        for path in (f"/{CANARY}", f"/api/v1/sessions/{CANARY}", f"{CALLBACK}?state={CANARY}"):
            await browser.get(path, headers={"User-Agent": CANARY, "Cookie": f"x={CANARY}"})
            await browser.http.request(CANARY.upper(), path)
        await browser.get(f"/api/v1/verify/{CANARY}", headers=signed_in.headers)
        secrets = product.secrets | product.provider.secrets | {signed_in.token}

    said = all_that_is_said(exporter.get_finished_spans())
    assert "GET unmatched" in said
    assert "GET /api/v1/verify/{path:rest}" in said
    assert CANARY not in said.lower()
    assert not [secret for secret in secrets if len(secret) > 4 and secret in said]


async def test_a_proxy_of_ours_may_say_which_trace_a_request_belongs_to_and_nobody_else(
    exporter: InMemorySpanExporter,
) -> None:
    async with traced_product() as product:
        await product.browser(address=OUR_PROXY).get("/healthz", headers=TRACEPARENT)
        await product.browser(address="203.0.113.7").get("/healthz", headers=TRACEPARENT)

    ours, theirs = named(exporter, "GET /healthz")
    assert ours.context is not None
    assert theirs.context is not None
    assert format_trace_id(ours.context.trace_id) == TRACE_ID
    assert format_trace_id(theirs.context.trace_id) != TRACE_ID
    assert theirs.parent is None


@pytest.mark.parametrize("given", [{}, {"OTEL_SERVICE_NAME": "vetassist-blue"}])
async def test_the_service_goes_by_its_name_unless_it_is_given_another(
    exporter: InMemorySpanExporter, given: dict[str, str]
) -> None:
    with patch.dict("os.environ", given):
        async with traced_product() as product:
            await product.browser().get("/healthz")
    (span,) = named(exporter, "GET /healthz")
    name = given.get("OTEL_SERVICE_NAME", "vetassist")
    assert span.resource.attributes["service.name"] == name


class Collector(BaseHTTPRequestHandler):
    """Takes spans, as a collector does."""

    taken: ClassVar[list[tuple[str, bytes]]] = []

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.taken.append((self.path, self.rfile.read(length)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.mark.postgres
def test_serve_hands_its_spans_to_the_collector_that_is_named(
    database_url: str, tmp_path: Path
) -> None:
    Collector.taken.clear()
    with ThreadingHTTPServer((HOST, 0), Collector) as collector:
        Thread(target=collector.serve_forever, daemon=True).start()
        environment = {
            **plain_environment(),
            **required_settings(database_url),
            "VETASSIST_TRACING": "true",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{HOST}:{collector.server_port}",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
        }
        log = tmp_path / "log"
        with running("serve", environment=environment, log=log, ready="/readyz") as service:
            assert service.stop() == 0
        collector.shutdown()

    assert {path for path, _ in Collector.taken} == {"/v1/traces"}
    assert any(b"GET /readyz" in body for _, body in Collector.taken)


async def test_a_service_that_is_not_traced_notes_nothing(exporter: InMemorySpanExporter) -> None:
    async with running_product() as product:
        assert isinstance(product.container.spans(), NoSpans)
        await product.sign_in()
    assert exporter.get_finished_spans() == ()


def test_traces_without_the_extra_are_refused_with_a_word_on_it() -> None:
    with (
        patch("entrypoints.settings_reader.find_spec", return_value=None),
        pytest.raises(SettingsError) as refused,
    ):
        read(required_settings() | {"VETASSIST_TRACING": "true"})
    assert refused.value.faults == ["VETASSIST_TRACING: needs the extra `tracing` to be installed"]
