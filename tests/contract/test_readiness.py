"""What every Readiness promises, run against each adapter."""

from application.ports.readiness import Readiness


async def test_a_store_that_answers_with_a_current_schema_is_ready(readiness: Readiness) -> None:
    assert await readiness.failing() == frozenset()
