"""How much a run measures."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The sizes of one run.

    Attributes:
        seconds: How long one measurement lasts.
        warm_up_seconds: Load before each measurement that does not count.
        rounds: How often everything is measured, in turns.
        connections: With how many connections at once validations are measured.
        sessions: How many sessions the load takes turns with.
        think_milliseconds: How long a caller below saturation waits before it asks again.
        sign_ins: How many sign-ins one measurement completes.
        rows: How many sessions the databases of the growth suite hold.
        sessions_of_one_user: How many sessions are ended at once.
        purged_rows: How many sessions the purge has to remove.
        revocations: How many revoke-then-validate pairs.
        starts: How often a process is started to see how long that takes.
        audit_rows: How many audit rows are sealed at once.
        audit_seconds: How long audit events come in a stream.
    """

    seconds: float = 3
    warm_up_seconds: float = 0.5
    rounds: int = 5
    connections: tuple[int, ...] = (1, 16, 64)
    sessions: int = 10_000
    think_milliseconds: tuple[int, int] = (20, 40)
    sign_ins: int = 400
    rows: tuple[int, ...] = (10_000, 10_000_000)
    sessions_of_one_user: int = 1_000
    purged_rows: int = 1_000_000
    revocations: int = 10_000
    starts: int = 9
    audit_rows: int = 200_000
    audit_seconds: float = 10

    @property
    def busiest(self) -> int:
        """The most connections at once."""
        return max(self.connections)


#: Everything once and hardly at all: shows that each measurement works, and nothing else.
SHORT = Plan(
    seconds=0.2,
    warm_up_seconds=0.05,
    rounds=1,
    connections=(2,),
    sessions=50,
    sign_ins=4,
    rows=(100, 200),
    sessions_of_one_user=5,
    purged_rows=20,
    revocations=8,
    starts=1,
    audit_rows=100,
    audit_seconds=0.2,
)
