"""The documents tell of metrics that there are, and of all of them."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from adapters.memory.store import MemoryStore
from adapters.memory.vital_signs import MemoryVitalSigns
from application.ports.vital_signs import Rights, Vitals, VitalSigns
from entrypoints.metrics.exposition import Exposition
from entrypoints.metrics.measurements import SUCCESS, Measurements
from tests.support.builders import NOW
from tests.support.frozen_clock import FrozenClock

DOCS = Path(__file__).parents[4] / "docs"
GUIDE = (DOCS / "observability.md").read_text()
DASHBOARD: dict[str, Any] = json.loads((DOCS / "grafana/vetassist.json").read_text())
RULES: list[dict[str, Any]] = yaml.safe_load((DOCS / "prometheus/alerts.yml").read_text())[
    "groups"
][0]["rules"]
NAME = re.compile(r"\b(?:vetassist|process)_[a-z_]+")
#: What Prometheus adds to the name of a histogram.
SUFFIX = re.compile(r"_(?:bucket|count|sum)$")


class Sealed(VitalSigns):
    """A store in which something was sealed."""

    def __init__(self) -> None:
        self._store = MemoryVitalSigns(MemoryStore(), FrozenClock(NOW))

    async def read(self) -> Vitals:
        return replace(await self._store.read(), newest_seal_at=NOW)

    async def rights(self) -> Rights:
        return await self._store.rights()

    async def oldest_passed_by(self) -> datetime | None:
        return await self._store.oldest_passed_by()


@pytest.fixture
async def there() -> dict[str, set[str]]:
    """Every metric, as its samples are called without a histogram's suffix, and its labels."""
    measurements = Measurements()
    measurements.count_request("GET", "/healthz", 200, 0.1)
    measurements.count_va_call("exchange", "2xx", 0.1)
    measurements.count_unit_of_work("committed", 0.1, [])
    measurements.count_run("purge", SUCCESS, 3)
    exposition = Exposition(
        measurements=measurements, pools={"sign_ins": dict}, vital_signs=Sealed()
    )
    _, text = await exposition.text("")
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            name = SUFFIX.sub("", sample.name) if family.type == "histogram" else sample.name
            found.setdefault(name, set()).update(set(sample.labels) - {"le"})
    return found


def expressions() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    yield from (rule["expr"] for rule in RULES)
    yield DASHBOARD["templating"]["list"][1]["query"]["query"]


def names_in(text: str) -> set[str]:
    return {SUFFIX.sub("", name) for name in NAME.findall(text)}


def own(names: set[str]) -> set[str]:
    return {name for name in names if name.startswith("vetassist_")}


async def test_dashboard_and_alerts_ask_for_metrics_that_there_are(
    there: dict[str, set[str]],
) -> None:
    asked = {name for expression in expressions() for name in names_in(expression)}
    assert asked - set(there) == set()


async def test_the_dashboard_shows_every_metric(there: dict[str, set[str]]) -> None:
    shown = {
        name
        for panel in DASHBOARD["panels"]
        for target in panel["targets"]
        for name in names_in(target["expr"])
    }
    assert own(set(there)) - shown == set()


async def test_the_guide_tells_of_every_metric_with_its_labels_and_of_no_other(
    there: dict[str, set[str]],
) -> None:
    told = {
        name: set(labels.split(",")) if labels else set()
        for name, labels in re.findall(
            r"^\| `(vetassist_\w+)(?:\{([\w,]+)\})?`", GUIDE, re.MULTILINE
        )
    }
    assert told == {name: there[name] for name in own(set(there))}


@pytest.mark.parametrize("expression", sorted(set(expressions())))
async def test_an_expression_picks_by_labels_that_there_are(
    there: dict[str, set[str]], expression: str
) -> None:
    for name, picked in re.findall(r"(vetassist_\w+)\{([^}]*)\}", expression):
        labels = set(re.findall(r"(\w+)=", picked)) - {"job"}
        assert labels <= there[SUFFIX.sub("", name)], name
    # Labels that Prometheus adds by itself, and those of several metrics in one expression.
    known = {"instance", "job", "le"}.union(*(there[name] for name in names_in(expression)))
    for grouped in re.findall(r"by \(([^)]*)\)", expression):
        assert {label.strip() for label in grouped.split(",")} <= known
    assert expression.count("(") == expression.count(")")


def test_there_is_advice_on_every_alert_and_on_no_other() -> None:
    advised = re.findall(r"^\| `(VetAssist\w+)` \| (.+) \|$", GUIDE, re.MULTILINE)
    assert [name for name, _ in advised] == [rule["alert"] for rule in RULES]
    assert all(len(advice) > 20 for _, advice in advised)


def test_every_alert_says_how_urgent_it_is_and_what_it_is_about() -> None:
    for rule in RULES:
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"]


def test_every_panel_has_a_place_and_a_name_of_its_own() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({panel["title"] for panel in panels}) == len(panels)
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(places) == len(panels)
    for panel in panels:
        assert [target["refId"] for target in panel["targets"]]
