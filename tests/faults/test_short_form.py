"""A few rounds of the fault bench; `make faults` runs hundreds."""

from pathlib import Path

import pytest

from tests.faults.bench import fault_bench

pytestmark = pytest.mark.postgres

#: Both ways to kill PostgreSQL, a kill of everything, and a freeze.
_ROUNDS = {"PostgreSQL killed": 2, "both killed": 1, "PostgreSQL frozen": 1}


@pytest.mark.case(85)
@pytest.mark.case(87)
def test_whatever_is_killed_or_frozen_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    with fault_bench(tmp_path) as bench:
        for kind, rounds in _ROUNDS.items():
            outcome = bench.measure(kind, rounds)
            assert outcome.faults == [], kind
            assert outcome.told.acknowledged
        assert bench.audit_verifies()
