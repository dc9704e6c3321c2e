"""How many callers wait for a row that stays locked."""

from contextlib import ExitStack

import pytest
from psycopg.errors import DeadlockDetected, LockNotAvailable, OperationalError

from adapters.postgres.errors import translated_errors
from adapters.postgres.stuck_rows import StuckRows
from application.errors import UnavailableError

ROW, OTHER_ROW = "a row", "another row"


def fail(rows: StuckRows, error: OperationalError) -> None:
    with pytest.raises(UnavailableError), rows.waiting_for(ROW), translated_errors():
        raise error


def test_any_number_may_wait_for_a_row_that_was_never_stuck() -> None:
    rows = StuckRows()
    with rows.waiting_for(ROW), rows.waiting_for(ROW), rows.waiting_for(ROW):
        pass


def test_one_may_wait_for_a_stuck_row() -> None:
    rows = StuckRows()
    fail(rows, LockNotAvailable())
    with ExitStack() as waiting:
        waiting.enter_context(rows.waiting_for(ROW))
        with pytest.raises(UnavailableError, match="row_locked"):
            waiting.enter_context(rows.waiting_for(ROW))
        for _ in range(2):
            waiting.enter_context(rows.waiting_for(OTHER_ROW))


def test_after_one_that_waited_in_vain_the_next_may_wait() -> None:
    rows = StuckRows()
    for _ in range(3):
        fail(rows, LockNotAvailable())


def test_a_row_that_was_locked_again_is_not_stuck() -> None:
    rows = StuckRows()
    fail(rows, LockNotAvailable())
    with rows.waiting_for(ROW):
        pass
    with rows.waiting_for(ROW), rows.waiting_for(ROW):
        pass


def test_no_other_failure_makes_a_row_stuck() -> None:
    rows = StuckRows()
    fail(rows, OperationalError())
    fail(rows, DeadlockDetected())
    with rows.waiting_for(ROW), rows.waiting_for(ROW):
        pass
