"""What Prometheus reads of what was counted."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.memory.store import MemoryStore
from adapters.memory.vital_signs import MemoryVitalSigns
from application.errors import CheckpointUntoldError, UnauthenticatedError, UnavailableError
from application.ports.vital_signs import Rights, Vitals, VitalSigns
from entrypoints.background import repeating
from entrypoints.metrics.exposition import Exposition
from entrypoints.metrics.measurements import SUCCESS, VERIFY, Measurements, known_method
from tests.support.builders import NOW, a_va_revocation
from tests.support.frozen_clock import FrozenClock
from tests.support.product import until

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Broken(VitalSigns):
    """A store that fails in one way."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def read(self) -> Vitals:
        raise self._error

    async def rights(self) -> Rights:
        raise self._error

    async def oldest_passed_by(self) -> datetime | None:
        raise self._error


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


async def samples(
    measurements: Measurements,
    *,
    store: MemoryStore | None = None,
    vital_signs: VitalSigns | None = None,
) -> Samples:
    exposition = Exposition(
        measurements=measurements,
        pools={
            "sign_ins": lambda: {"pool_size": 4, "in_use": 3, "requests_waiting": 2},
            "closed": dict,
        },
        vital_signs=vital_signs or MemoryVitalSigns(store or MemoryStore(), FrozenClock(NOW)),
    )
    content_type, body = await exposition.text("")
    assert content_type.startswith("text/plain")
    return {
        key(sample.name, **sample.labels): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


async def test_a_sign_in_counts_under_its_outcome_and_the_others_stand_at_zero() -> None:
    measurements = Measurements()
    measurements.count_sign_in(SUCCESS)
    measurements.count_sign_in("access_denied")
    measurements.count_sign_in("access_denied")
    found = await samples(measurements)
    assert found[key("vetassist_sign_ins_total", outcome="success")] == 1
    assert found[key("vetassist_sign_ins_total", outcome="access_denied")] == 2
    assert found[key("vetassist_sign_ins_total", outcome="identity_conflict")] == 0


async def test_what_the_hot_path_answered_is_among_the_validations_and_the_requests() -> None:
    measurements = Measurements()
    measurements.at_once[VERIFY].add(0.0007)
    measurements.count_request("GET", VERIFY, 200, 0.0007)
    measurements.count_request("GET", VERIFY, 401, 0.3)
    measurements.count_validation(None, 0.0007)
    measurements.count_validation(UnauthenticatedError(), 0.0001)
    measurements.count_validation(UnavailableError(), 2.0)
    measurements.count_validation(RuntimeError(), 0.1)
    found = await samples(measurements)

    validations = "vetassist_validation_seconds"
    assert found[key(f"{validations}_count", outcome="valid")] == 2
    assert found[key(f"{validations}_bucket", outcome="valid", le="0.0005")] == 0
    assert found[key(f"{validations}_bucket", outcome="valid", le="0.001")] == 2
    assert found[key(f"{validations}_bucket", outcome="valid", le="+Inf")] == 2
    assert found[key(f"{validations}_sum", outcome="valid")] == pytest.approx(0.0014)
    for outcome in ("refused", "unavailable", "failed"):
        assert found[key(f"{validations}_count", outcome=outcome)] == 1

    requests = "vetassist_http_requests_total"
    assert found[key(requests, method="GET", route=VERIFY, status="200")] == 2
    assert found[key(requests, method="GET", route=VERIFY, status="401")] == 1
    assert found[key("vetassist_http_request_seconds_count", route=VERIFY)] == 3


async def test_a_method_that_nobody_knows_makes_no_label_of_its_own() -> None:
    measurements = Measurements()
    for method in ("BREW", "WHEN"):
        measurements.count_request(known_method(method), "unmatched", 405, 0.1)
    found = await samples(measurements)
    requests = key("vetassist_http_requests_total", method="other", route="unmatched", status="405")
    assert found[requests] == 2


async def test_calls_units_and_pools_are_told() -> None:
    measurements = Measurements()
    measurements.count_va_call("exchange", "2xx", 0.3)
    measurements.count_unit_of_work("committed", 0.002, ["va_tokens_refreshed", "login"])
    found = await samples(measurements)
    call = key("vetassist_va_call_seconds_count", operation="exchange", outcome="2xx")
    assert found[call] == 1
    assert found[key("vetassist_unit_of_work_seconds_count", outcome="committed")] == 1
    events = "vetassist_audit_events_total"
    assert found[key(events, type="va_tokens_refreshed")] == 1
    assert found[key(events, type="va_refresh_refused")] == 0
    assert found[key("vetassist_pool_connections", pool="sign_ins")] == 4
    assert found[key("vetassist_pool_connections_in_use", pool="sign_ins")] == 3
    assert found[key("vetassist_pool_requests_waiting", pool="sign_ins")] == 2
    assert found[key("vetassist_pool_connections", pool="closed")] == 0


async def test_the_outbox_is_told_with_the_age_of_its_oldest_entry() -> None:
    store = MemoryStore()
    for minutes in (1, 5):
        entry = a_va_revocation(now=NOW - timedelta(minutes=minutes))
        store.committed.va_revocations[entry.id] = entry
    found = await samples(Measurements(), store=store)
    assert found[key("vetassist_database_up")] == 1
    assert found[key("vetassist_outbox_entries")] == 2
    assert found[key("vetassist_outbox_oldest_seconds")] == 300


@pytest.mark.parametrize("error", [UnavailableError("postgres"), RuntimeError("a bug")])
async def test_without_the_database_everything_else_is_still_told(error: Exception) -> None:
    measurements = Measurements()
    measurements.count_sign_in(SUCCESS)
    found = await samples(measurements, vital_signs=Broken(error))
    assert found[key("vetassist_database_up")] == 0
    assert key("vetassist_outbox_entries") not in found
    assert found[key("vetassist_sign_ins_total", outcome="success")] == 1


@dataclass(frozen=True)
class Removed:
    sessions: int = 3
    sign_ins: int = 4
    note: str = "no number"


async def test_background_work_counts_by_outcome_and_by_what_it_dealt_with() -> None:
    measurements = Measurements()
    outcomes = [
        Removed(),
        UnavailableError("postgres"),
        RuntimeError("a bug"),
        CheckpointUntoldError("no room"),
        Removed(),
    ]

    async def work() -> object:
        outcome = outcomes.pop(0) if outcomes else UnavailableError("postgres")
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async with repeating("purge", work, timedelta(microseconds=1), measurements):
        await until(lambda: measurements.runs["purge", "postponed"] >= 2)

    found = await samples(measurements)
    runs = "vetassist_background_runs_total"
    assert found[key(runs, work="purge", outcome="success")] == 2
    assert found[key(runs, work="purge", outcome="failed")] == 2
    items = "vetassist_background_items_total"
    assert found[key(items, work="purge", kind="sessions")] == 6
    assert found[key(items, work="purge", kind="sign_ins")] == 8
    assert key(items, work="purge", kind="note") not in found
    last = key("vetassist_background_last_success_timestamp_seconds", work="purge")
    assert found[last] == pytest.approx(measurements.run_at["purge"])


async def test_the_process_tells_what_it_takes() -> None:
    assert (await samples(Measurements()))[key("process_resident_memory_bytes")] > 0


async def test_openmetrics_is_spoken_to_whoever_asks_for_it() -> None:
    exposition = Exposition(
        measurements=Measurements(),
        pools={},
        vital_signs=MemoryVitalSigns(MemoryStore(), FrozenClock(NOW)),
    )
    content_type, body = await exposition.text("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


@pytest.mark.parametrize(
    "accept",
    [
        "application/openmetrics-text;version=\xff",
        "application/openmetrics-text;version=x",
        "application/openmetrics-text;version=1.0.0\nX-Injected: yes",
        "application/openmetrics-text;version=",
        "application/openmetrics-text;version=1.0.0;q=x",
        "\xff",
        ";;;,",
    ],
)
async def test_a_format_that_nobody_can_read_is_answered_in_plain_text(accept: str) -> None:
    exposition = Exposition(
        measurements=Measurements(),
        pools={},
        vital_signs=MemoryVitalSigns(MemoryStore(), FrozenClock(NOW)),
    )
    content_type, body = await exposition.text(accept)
    assert content_type.startswith(("text/plain", "application/openmetrics-text; version=1"))
    assert content_type.isascii()
    assert content_type.isprintable()
    assert b"vetassist_database_up 1" in body
