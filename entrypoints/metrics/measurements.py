"""The measurements of one process.

They are plain numbers in plain containers, so counting is one addition, even if metrics are off.
Labels come from short lists of our own words, never from user input.
"""

import dataclasses
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import partial
from typing import Final, final

from application.errors import UnauthenticatedError, UnavailableError
from domain.audit_event import AuditEventType
from domain.sign_in_failure import SignInFailure
from entrypoints.metrics.timings import OTHERS, Timings

#: A sign-in that led to a session. Others are counted under their public code.
SUCCESS: Final = "success"
#: A callback that came again: the sign-in started again, or the browser was signed in already.
RESTARTED: Final = "restarted"
REPEATED: Final = "repeated"
VALID: Final = "valid"
#: Routes that the hot path answers, before the application.
VERIFY: Final = "/api/v1/verify"
SESSION: Final = "/api/v1/session"

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})


@final
class Measurements:
    """The measurements of a process since it started.

    Attributes:
        sign_ins: Sign-ins by outcome.
        validations: Validations by outcome, except those in ``at_once``.
        at_once: Valid sessions that the hot path answered, by route.
        requests: Requests by method, route and status, except those in ``at_once``.
        request_timings: The times of ``requests``, by route.
        va_calls: Calls to the identity provider by operation and outcome.
        units_of_work: Transactions by outcome.
        audit_events: The audit events that this process committed, by type.
        runs: Runs of background work by name and outcome.
        run_at: When background work last succeeded, by name, in Unix seconds.
        items: Items that background work processed, by name and kind of item.
    """

    def __init__(self) -> None:
        outcomes = [SUCCESS, RESTARTED, REPEATED, *SignInFailure]
        self.sign_ins: Counter[str] = Counter(dict.fromkeys(outcomes, 0))
        self.validations = {
            outcome: Timings() for outcome in (VALID, "refused", "unavailable", "failed")
        }
        self.at_once = {VERIFY: Timings(), SESSION: Timings()}
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.request_timings: defaultdict[str, Timings] = defaultdict(Timings)
        self.va_calls: defaultdict[tuple[str, str], Timings] = defaultdict(partial(Timings, OTHERS))
        self.units_of_work: defaultdict[str, Timings] = defaultdict(Timings)
        self.audit_events: Counter[str] = Counter(dict.fromkeys(AuditEventType, 0))
        self.runs: Counter[tuple[str, str]] = Counter()
        self.run_at: dict[str, float] = {}
        self.items: Counter[tuple[str, str]] = Counter()

    def count_sign_in(self, outcome: str) -> None:
        """Counts a sign-in that has ended.

        Args:
            outcome: ``SUCCESS``, ``RESTARTED``, ``REPEATED``, or the public code of the failure.
        """
        self.sign_ins[outcome] += 1

    def count_validation(self, refusal: BaseException | None, seconds: float) -> None:
        """Counts a validation by the application.

        Args:
            refusal: What it raised, or None if the session stands.
            seconds: How long it took.
        """
        self.validations[_outcome_of(refusal)].add(seconds)

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts a request that was answered.

        Args:
            method: The method, as returned by ``known_method``.
            route: The route template, never the path.
            status: The status of the answer.
            seconds: How long the answer took.
        """
        self.requests[method, route, int(status)] += 1
        self.request_timings[route].add(seconds)

    def count_va_call(self, operation: str, outcome: str, seconds: float) -> None:
        """Counts a call to the identity provider."""
        self.va_calls[operation, outcome].add(seconds)

    def count_unit_of_work(self, outcome: str, seconds: float, events: Iterable[str]) -> None:
        """Counts a transaction and, by type, the audit events that were committed with it."""
        self.units_of_work[outcome].add(seconds)
        self.audit_events.update(events)

    def count_run(self, work: str, outcome: str, done: object = None) -> None:
        """Counts a run of background work and the items that it processed.

        Args:
            work: The name of the work.
            outcome: ``SUCCESS``, or another word for how it ended.
            done: The number of items, or a dataclass whose integer fields are numbers of items.
        """
        self.runs[work, outcome] += 1
        if outcome != SUCCESS:
            return
        self.run_at[work] = time.time()
        if dataclasses.is_dataclass(done):
            for field in dataclasses.fields(done):
                self._count_items(work, field.name, getattr(done, field.name))
        else:
            self._count_items(work, "all", done)

    def _count_items(self, work: str, kind: str, number: object) -> None:
        if isinstance(number, int):
            self.items[work, kind] += number


def known_method(method: str) -> str:
    """Returns the method of a request, or ``other`` if it isn't a standard one."""
    return method if method in _METHODS else "other"


def _outcome_of(refusal: BaseException | None) -> str:
    if refusal is None:
        return VALID
    if isinstance(refusal, UnauthenticatedError):
        return "refused"
    return "unavailable" if isinstance(refusal, UnavailableError) else "failed"
