"""Metrics of the running product: what is counted, where it is told, and where it is not."""

import socket
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.postgres.pool import Pool
from domain.audit_event import AuditEvent, AuditEventType
from domain.visitor import Visitor
from entrypoints.metrics.exposition import Exposition
from tests.support.builders import NOW
from tests.support.environment import plain_environment, required_settings
from tests.support.processes import HOST, run, running, two_free_ports
from tests.support.product import Product, running_product
from tests.support.standing_session import standing_session

pytestmark = pytest.mark.postgres


def total(text: str, name: str, **labels: str) -> float:
    """The sum of a metric's samples that carry these labels."""
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


async def scraped(product: Product) -> str:
    exposition = Exposition(
        measurements=product.container.measurements(),
        pools={},
        vital_signs=product.container.vital_signs(),
    )
    return (await exposition.text(""))[1].decode()


async def test_a_sign_in_and_its_calls_are_counted(pool: Pool) -> None:
    async with running_product(pool=pool) as product:
        signed_in = await product.sign_in()
        await product.browser().attempt("decline")
        assert (await signed_in.browser.get("/api/v1/session")).status_code == 401
        shown = await signed_in.browser.get("/api/v1/session", headers=signed_in.headers)
        assert shown.status_code == 200
        product.faults(token={"answer": 503})
        await product.browser().attempt()
        text = await scraped(product)

    assert total(text, "vetassist_sign_ins_total", outcome="success") == 1
    assert total(text, "vetassist_sign_ins_total", outcome="access_denied") == 1
    assert total(text, "vetassist_sign_ins_total", outcome="provider_unavailable") == 1
    for operation in ("discovery", "keys", "exchange", "userinfo", "status"):
        calls = total(text, "vetassist_va_call_seconds_count", operation=operation, outcome="2xx")
        assert calls == 1, operation
    assert total(text, "vetassist_va_call_seconds_count", outcome="5xx") == 1
    assert total(text, "vetassist_validation_seconds_count", outcome="valid") == 1
    route = {"route": "/api/v1/session", "status": "200"}
    assert total(text, "vetassist_http_requests_total", **route) == 1
    assert total(text, "vetassist_http_requests_total", status="401") == 1
    assert total(text, "vetassist_database_up") == 1


async def test_units_of_work_are_counted_by_how_they_ended(pool: Pool) -> None:
    async with running_product(pool=pool) as product:
        build = product.container.connection_pool
        build.override(pool)
        product.container.unit_of_work.reset_override()
        event = AuditEvent.of_service(AuditEventType.PURGED, visitor=Visitor(), now=NOW)
        async with product.container.unit_of_work() as work:
            await work.audit.append(event)
            await work.commit()
        async with product.container.unit_of_work() as work:
            await work.audit.append(event)
        with pytest.raises(RuntimeError):
            async with product.container.unit_of_work():
                raise RuntimeError
        text = await scraped(product)

    counted = "vetassist_unit_of_work_seconds_count"
    assert total(text, counted, outcome="committed") == 1
    assert total(text, counted, outcome="rolled_back") == 2
    assert total(text, "vetassist_audit_events_total", type="purged") == 1


def environment(database_url: str, **settings: str) -> dict[str, str]:
    return plain_environment() | required_settings(database_url) | settings


def scrapes(ports: tuple[int, ...]) -> Mapping[int, str]:
    found = {}
    for port in ports:
        try:
            answer = httpx.get(f"http://{HOST}:{port}/metrics", trust_env=False)
        except httpx.ConnectError:
            continue
        assert answer.status_code == 200
        found[port] = answer.text
    return found


def test_each_of_two_processes_answers_scrapes_on_a_port_of_its_own_and_never_on_the_public_one(
    database_url: str, tmp_path: Path
) -> None:
    ports = two_free_ports()
    values = environment(database_url, VETASSIST_METRICS_PORT=str(ports[0]))
    session = standing_session(database_url, values["VETASSIST_JWT_SECRET"])
    with running(
        *("serve", "--workers", "2"), environment=values, log=tmp_path / "log", ready="/readyz"
    ) as service:
        service.until(lambda: len(scrapes(ports)) == 2)
        for _ in range(20):
            # A connection each, so that either process may get it.
            answer = httpx.get(
                f"{service.url}/api/v1/verify", headers=session.headers, trust_env=False
            )
            assert answer.status_code == 200
        assert httpx.get(f"{service.url}/metrics", trust_env=False).status_code == 404
        texts = scrapes(ports).values()

    valid = [total(text, "vetassist_validation_seconds_count", outcome="valid") for text in texts]
    assert sum(valid) == 20
    assert all(total(text, "vetassist_pool_connections", pool="sign_ins") > 0 for text in texts)
    assert all(total(text, "process_resident_memory_bytes") > 0 for text in texts)


def test_without_the_setting_nothing_listens_and_nothing_is_loaded_for_it(
    database_url: str, tmp_path: Path
) -> None:
    # Python then names each module it imports, as the last word of a line.
    values = environment(database_url, PYTHONPROFILEIMPORTTIME="1")
    with running("serve", environment=values, log=tmp_path / "log", ready="/readyz") as service:
        loaded = service.logged()
    assert "entrypoints.metrics.measurements" in loaded
    for foreign in ("prometheus_client", "entrypoints.metrics.exposition", "opentelemetry"):
        assert foreign not in loaded


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_metrics_port_that_is_taken_keeps_the_service_from_starting(
    database_url: str, workers: str
) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        values = environment(database_url, VETASSIST_METRICS_PORT=str(port))
        ended = run("serve", "--port", "0", "--workers", workers, environment=values)
    assert ended.returncode == 3
    assert ended.stderr == (
        f"vetassist: VETASSIST_METRICS_PORT: cannot listen on {HOST}, port {port}: address already "
        "in use: stop the program that listens there, or choose another port\n"
    )
