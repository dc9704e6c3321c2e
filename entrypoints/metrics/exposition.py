"""The metrics of this process in Prometheus format.

Only this module needs prometheus-client. It is imported only if metrics are switched on.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final, final

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from application.errors import UnavailableError
from application.ports.vital_signs import Vitals, VitalSigns
from entrypoints.metrics.measurements import VALID, Measurements
from entrypoints.metrics.timings import Timings

_log = structlog.stdlib.get_logger("vetassist.metrics")

#: Returns the statistics of a connection pool, such as ``pool_size`` and ``requests_waiting``.
PoolStats = Callable[[], Mapping[str, int]]

_OK: Final = "200"


@final
class Exposition:
    """Renders the measurements and the current state of the pools and the database."""

    def __init__(
        self,
        *,
        measurements: Measurements,
        pools: Mapping[str, PoolStats],
        vital_signs: VitalSigns,
    ) -> None:
        self._measurements = measurements
        self._pools = pools
        self._vital_signs = vital_signs
        self._process = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self._process)

    async def text(self, accept: str) -> tuple[str, bytes]:
        """Returns the content type and the text in the format that ``accept`` prefers."""
        try:
            vitals = await self._vital_signs.read()
        except UnavailableError:
            vitals = None
        except Exception as error:  # noqa: BLE001 - other metrics must not fail with the database
            _log.error("vital_signs_failed", error=type(error).__name__)
            vitals = None
        registry = CollectorRegistry()
        registry.register(_Families(self._families(vitals)))
        encode, content_type = _encoder_for(accept)
        return content_type, encode(registry)

    def _families(self, vitals: Vitals | None) -> list[Metric]:
        return [
            *self._of_sign_ins(),
            *self._of_requests(),
            *self._of_va(),
            *self._of_storage(),
            *self._of_background(),
            *_of_vitals(vitals),
            *self._process.collect(),
        ]

    def _of_sign_ins(self) -> Iterator[Metric]:
        sign_ins = CounterMetricFamily(
            "vetassist_sign_ins", "Sign-ins that have ended, by public code.", labels=["outcome"]
        )
        for outcome, count in self._measurements.sign_ins.items():
            sign_ins.add_metric([outcome], count)
        yield sign_ins
        timings = dict(self._measurements.validations)
        for at_once in self._measurements.at_once.values():
            timings[VALID] = timings[VALID].plus(at_once)
        yield _histogram(
            "vetassist_validation_seconds",
            "Time to validate a JWT and look up its session.",
            ["outcome"],
            {(outcome,): each for outcome, each in timings.items()},
        )

    def _of_requests(self) -> Iterator[Metric]:
        counts = {
            (method, route, str(status)): count
            for (method, route, status), count in self._measurements.requests.items()
        }
        timings = dict(self._measurements.request_timings)
        for route, at_once in self._measurements.at_once.items():
            key = ("GET", route, _OK)
            counts[key] = counts.get(key, 0) + sum(at_once.counts)
            timings[route] = timings[route].plus(at_once) if route in timings else at_once
        requests = CounterMetricFamily(
            "vetassist_http_requests",
            "Requests answered, by route template.",
            labels=["method", "route", "status"],
        )
        for labels, count in counts.items():
            requests.add_metric(list(labels), count)
        yield requests
        yield _histogram(
            "vetassist_http_request_seconds",
            "Time from the head of a request to the end of the answer.",
            ["route"],
            {(route,): each for route, each in timings.items()},
        )

    def _of_va(self) -> Iterator[Metric]:
        yield _histogram(
            "vetassist_va_call_seconds",
            "Time of calls to VA, by operation and outcome.",
            ["operation", "outcome"],
            {tuple(labels): each for labels, each in self._measurements.va_calls.items()},
        )

    def _of_storage(self) -> Iterator[Metric]:
        yield _histogram(
            "vetassist_unit_of_work_seconds",
            "Time of transactions, including the wait for a connection.",
            ["outcome"],
            {(outcome,): each for outcome, each in self._measurements.units_of_work.items()},
        )
        events = CounterMetricFamily(
            "vetassist_audit_events",
            "Audit events that this process committed, by type.",
            labels=["type"],
        )
        for event_type, count in self._measurements.audit_events.items():
            events.add_metric([event_type], count)
        yield events
        size = GaugeMetricFamily(
            "vetassist_pool_connections", "Connections in the pool.", labels=["pool"]
        )
        in_use = GaugeMetricFamily(
            "vetassist_pool_connections_in_use", "Connections in use.", labels=["pool"]
        )
        waiting = GaugeMetricFamily(
            "vetassist_pool_requests_waiting",
            "Callers that wait for a connection.",
            labels=["pool"],
        )
        for name, stats_of in self._pools.items():
            stats = stats_of()
            size.add_metric([name], stats.get("pool_size", 0))
            in_use.add_metric([name], stats.get("in_use", 0))
            waiting.add_metric([name], stats.get("requests_waiting", 0))
        yield from (size, in_use, waiting)

    def _of_background(self) -> Iterator[Metric]:
        runs = CounterMetricFamily(
            "vetassist_background_runs", "Runs of background work.", labels=["work", "outcome"]
        )
        for (work, outcome), count in self._measurements.runs.items():
            runs.add_metric([work, outcome], count)
        items = CounterMetricFamily(
            "vetassist_background_items",
            "Items that background work processed, such as rows that the purge removed.",
            labels=["work", "kind"],
        )
        for (work, kind), count in self._measurements.items.items():
            items.add_metric([work, kind], count)
        last = GaugeMetricFamily(
            "vetassist_background_last_success_timestamp_seconds",
            "When background work last succeeded in this process (Unix time).",
            labels=["work"],
        )
        for work, instant in self._measurements.run_at.items():
            last.add_metric([work], instant)
        yield from (runs, items, last)


def _encoder_for(accept: str) -> tuple[Callable[[Collector], bytes], str]:
    """Returns an encoder and its content type. An invalid ``accept`` gets the text format."""
    # The content type repeats a part of the header.
    if accept.isascii() and accept.isprintable():
        with suppress(TypeError, ValueError):
            return choose_encoder(accept)
    return choose_encoder("")


@final
class _Families(Collector):
    """Passes families to a registry that were collected before, as its own interface is sync."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families

    def describe(self) -> Iterator[Metric]:
        yield from ()


def _of_vitals(vitals: Vitals | None) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "vetassist_database_up",
        "Whether the database answered this scrape.",
        value=0 if vitals is None else 1,
    )
    if vitals is None:
        return
    yield GaugeMetricFamily(
        "vetassist_outbox_entries", "Tokens that wait to be revoked at VA.", value=vitals.outbox
    )
    yield GaugeMetricFamily(
        "vetassist_outbox_oldest_seconds",
        "How long the oldest entry of the outbox has waited.",
        value=_seconds(vitals, vitals.oldest_in_outbox),
    )
    yield GaugeMetricFamily(
        "vetassist_purge_oldest_sign_in_seconds",
        "How long ago the oldest sign-in that hasn't been purged ended.",
        value=_seconds(vitals, vitals.oldest_sign_in_end),
    )
    yield GaugeMetricFamily(
        "vetassist_audit_seal_lag_seconds",
        "How long the oldest event of the audit trail has waited to be sealed.",
        value=_seconds(vitals, vitals.oldest_unsealed),
    )
    if vitals.newest_seal_at is not None:
        yield GaugeMetricFamily(
            "vetassist_audit_newest_seal_timestamp_seconds",
            "When the newest batch of the audit trail was sealed (Unix time).",
            value=vitals.newest_seal_at.timestamp(),
        )
    yield GaugeMetricFamily(
        "vetassist_audit_missing_months",
        "How many of this month and the next two have no partition in the audit trail.",
        value=len(vitals.missing_months),
    )
    yield GaugeMetricFamily(
        "vetassist_audit_rows_of_no_month",
        "Rows of the audit trail outside all monthly partitions, counted up to 10,000.",
        value=vitals.rows_of_no_month,
    )
    yield GaugeMetricFamily(
        "vetassist_database_clock_offset_seconds",
        "How far the database's clock is ahead of this machine's.",
        value=vitals.now.timestamp() - time.time(),
    )


def _seconds(vitals: Vitals, since: datetime | None) -> float:
    return 0.0 if since is None else max(0.0, (vitals.now - since).total_seconds())


def _histogram(
    name: str,
    text: str,
    labels: list[str],
    timings: Mapping[tuple[str, ...], Timings],
) -> HistogramMetricFamily:
    family = HistogramMetricFamily(name, text, labels=labels)
    for values, each in timings.items():
        so_far, buckets = 0, []
        for bound, count in zip([*map(str, each.bounds), "+Inf"], each.counts, strict=True):
            so_far += count
            buckets.append((bound, so_far))
        family.add_metric(list(values), buckets=buckets, sum_value=each.seconds)
    return family
