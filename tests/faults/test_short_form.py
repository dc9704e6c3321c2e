"""A few rounds of the fault bench; `make faults` runs hundreds."""

from pathlib import Path

import pytest

from tests.faults.bench import KINDS, fault_bench

pytestmark = pytest.mark.postgres

_ROUNDS = 2


@pytest.mark.case(85)
@pytest.mark.case(87)
def test_whatever_is_killed_or_frozen_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    with fault_bench(tmp_path) as bench:
        for kind in KINDS:
            outcome = bench.measure(kind, _ROUNDS if kind != "PostgreSQL frozen" else 1)
            assert outcome.faults == [], kind
            assert outcome.told.acknowledged
