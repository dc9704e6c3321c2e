"""Builds what observes the service: traces, measurements and their listener."""

import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext

from adapters.postgres.pool import Pool
from adapters.postgres.unit_of_work import UnitEnded
from adapters.va_oauth.bounded_http import ProviderCall
from application.ports.vital_signs import VitalSigns
from entrypoints.metrics.measurements import Measurements
from entrypoints.settings import PROCESSES, Settings
from entrypoints.tracing.spans import NoSpans, Spans
from entrypoints.web.visitors import VisitorReader


def spans(settings: Settings, visitors: VisitorReader) -> Spans:
    """Traces if they are on, and otherwise an object that does nothing."""
    if not settings.tracing:
        return NoSpans()
    # An extra, which may not be installed.
    from entrypoints.tracing.open_telemetry import OpenTelemetrySpans  # noqa: PLC0415

    return OpenTelemetrySpans(trusts=visitors.trusts)


def provider_call_observer(
    measurements: Measurements, spans: Spans
) -> Callable[[ProviderCall], None]:
    """Counts and traces each call to VA."""

    def observe(call: ProviderCall) -> None:
        measurements.count_va_call(call.operation, call.outcome, call.seconds)
        spans.add(
            f"VA {call.operation}",
            began_at=call.began_at,
            seconds=call.seconds,
            attributes={"vetassist.operation": call.operation, "vetassist.outcome": call.outcome},
        )

    return observe


def unit_observer(measurements: Measurements, spans: Spans) -> Callable[[UnitEnded], None]:
    """Counts and traces each unit of work."""

    def observe(unit: UnitEnded) -> None:
        measurements.count_unit_of_work(unit.outcome, unit.seconds, unit.events)
        spans.add(
            "unit of work",
            began_at=unit.began_at,
            seconds=unit.seconds,
            attributes={"db.system.name": "postgresql", "vetassist.outcome": unit.outcome},
        )

    return observe


def metrics(
    settings: Settings,
    measurements: Measurements,
    pools: dict[str, Pool],
    vital_signs: VitalSigns,
) -> AbstractAsyncContextManager[object]:
    """The metrics listener while its context is open; nothing if metrics are off."""
    if settings.metrics_port is None:
        return nullcontext()
    # Imported on use, because metrics are off by default.
    from entrypoints.metrics.exposition import Exposition  # noqa: PLC0415
    from entrypoints.metrics.listener import metrics_listener  # noqa: PLC0415

    exposition = Exposition(
        measurements=measurements,
        pools={name: pool.get_stats for name, pool in pools.items()},
        vital_signs=vital_signs,
    )
    return metrics_listener(
        exposition.text,
        host=settings.metrics_host,
        port=settings.metrics_port,
        processes=int(os.environ.get(PROCESSES, "1")),
    )
