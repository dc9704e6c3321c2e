"""The operator of the request at hand, whom each unit of work records."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from domain.operator import Operator

_AT_WORK: Final[ContextVar[Operator]] = ContextVar("operator_at_work")


@contextmanager
def acting_as(operator: Operator) -> Iterator[None]:
    """Until the block ends, everything that this task does is done by the operator."""
    token = _AT_WORK.set(operator)
    try:
        yield
    finally:
        _AT_WORK.reset(token)


def operator_at_work() -> str:
    """The name of that operator.

    Raises:
        LookupError: There is none, so nothing may be done.
    """
    return _AT_WORK.get().name
