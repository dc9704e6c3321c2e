"""What one process counts of itself.

Plain numbers in plain containers: counting is an addition, whether or not anybody will ask. The
labels are words of ours out of short lists, never anything that was sent.
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

#: A sign-in that led to a session; the others are counted under their public code.
SUCCESS: Final = "success"
VALID: Final = "valid"
#: Routes that are answered before the application is asked.
VERIFY: Final = "/api/v1/verify"
SESSION: Final = "/api/v1/session"

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})


@final
class Measurements:
    """The counts of a process since it started.

    Attributes:
        sign_ins: By outcome.
        validations: By outcome; those that were ``at_once`` are not among them.
        at_once: Valid sessions that the hot path answered, by route.
        requests: By method, route and status; those that were ``at_once`` are not among them.
        request_timings: By route, as ``requests``.
        va_calls: By operation and outcome.
        units_of_work: By outcome.
        audit_events: By type, those that were committed by this process.
        runs: Background work, by its name and outcome.
        run_at: When background work was last done, by its name: Unix time in seconds.
        items: What background work dealt with, by its name and the kind of item.
    """

    def __init__(self) -> None:
        self.sign_ins: Counter[str] = Counter(dict.fromkeys([SUCCESS, *SignInFailure], 0))
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
        """Count a sign-in that is over: ``SUCCESS``, or the public code of its failure."""
        self.sign_ins[outcome] += 1

    def count_validation(self, refusal: BaseException | None, seconds: float) -> None:
        """Count a validation that the application asked for.

        Args:
            refusal: What it raised; None when the session stands.
            seconds: How long it took.
        """
        self.validations[_outcome_of(refusal)].add(seconds)

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered.

        Args:
            method: As ``known_method`` has it.
            route: The template, never the path.
            status: What it was answered with.
            seconds: How long that took.
        """
        self.requests[method, route, int(status)] += 1
        self.request_timings[route].add(seconds)

    def count_va_call(self, operation: str, outcome: str, seconds: float) -> None:
        """Count a call to the identity provider."""
        self.va_calls[operation, outcome].add(seconds)

    def count_unit_of_work(self, outcome: str, seconds: float, events: Iterable[str]) -> None:
        """Count a transaction, and the audit events that were committed with it, by type."""
        self.units_of_work[outcome].add(seconds)
        self.audit_events.update(events)

    def count_run(self, work: str, outcome: str, done: object = None) -> None:
        """Count a run of background work, and what it did as far as it tells numbers."""
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
    """A request's method; ``other`` for any that somebody made up."""
    return method if method in _METHODS else "other"


def _outcome_of(refusal: BaseException | None) -> str:
    if refusal is None:
        return VALID
    if isinstance(refusal, UnauthenticatedError):
        return "refused"
    return "unavailable" if isinstance(refusal, UnavailableError) else "failed"
