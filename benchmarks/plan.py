"""How much a run measures, and for how long."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The sizes of one run.

    Attributes:
        seconds: The length of one measurement.
        warm_up_seconds: The length of the load before a measurement, which doesn't count.
        rounds: How often everything is measured.
        connections: The numbers of connections with which validations are measured.
        sessions: The number of sessions that the load uses in turn.
        remembered: The number of tokens that a process remembers when its memory is measured.
        think_milliseconds: The shortest and longest pause of a caller below saturation.
        sign_ins: The number of sign-ins in one measurement.
        storm: The number of sign-ins that begin at the same moment.
        rows: The number of sessions in each database of the growth suite.
        sessions_of_one_user: The number of sessions that are ended together.
        purged_rows: The number of sessions that the purge removes.
        revocations: The number of revoke-then-validate pairs.
        starts: How often a process is started to measure its start.
        audit_rows: The number of rows in a backlog of the audit trail.
        audit_seconds: The length of a stream of audit events.
    """

    seconds: float = 3
    warm_up_seconds: float = 0.5
    rounds: int = 5
    connections: tuple[int, ...] = (1, 16, 64)
    sessions: int = 10_000
    remembered: int = 20_000
    think_milliseconds: tuple[int, int] = (20, 40)
    sign_ins: int = 400
    storm: int = 2_000
    rows: tuple[int, ...] = (10_000, 10_000_000)
    sessions_of_one_user: int = 1_000
    purged_rows: int = 1_000_000
    revocations: int = 10_000
    starts: int = 9
    audit_rows: int = 200_000
    audit_seconds: float = 10

    @property
    def busiest(self) -> int:
        """The largest number of connections."""
        return max(self.connections)


#: Measures everything once and briefly. It shows only that each measurement works.
SHORT = Plan(
    seconds=0.2,
    warm_up_seconds=0.05,
    rounds=1,
    connections=(2,),
    sessions=50,
    remembered=60,
    sign_ins=4,
    storm=20,
    rows=(100, 200),
    sessions_of_one_user=5,
    purged_rows=20,
    revocations=8,
    starts=1,
    audit_rows=100,
    audit_seconds=0.2,
)
