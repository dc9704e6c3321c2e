"""The board, and what the doctor says."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, final

from starlette.requests import Request
from starlette.responses import Response

from application.errors import UnavailableError
from application.ports.service_figures import SUCCESS
from application.use_cases.console.record_look import ConsolePage, RecordLook
from application.use_cases.console.show_board import Board, ShowBoard
from entrypoints.console.acts import Act, look
from entrypoints.console.forms import Form
from entrypoints.console.operator_sessions import SignedIn
from entrypoints.console.renderer import ConsoleRenderer
from entrypoints.doctor.findings import Finding, worst

#: The chart's size, in units of its own.
WIDTH: Final = 720
HEIGHT: Final = 160
_GAP: Final = 4
_AXIS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """The sign-ins of one hour, successes below failures. Heights in units of the chart."""

    hour: datetime
    x: float
    width: float
    successes: int
    failures: int
    success_height: float
    failure_height: float


@final
class BoardPages:
    """Shows numbers, and the verdicts of `vetassist doctor`."""

    def __init__(
        self,
        *,
        show_board: ShowBoard,
        examine: Callable[[], Awaitable[list[Finding]]],
        record_look: RecordLook,
        renderer: ConsoleRenderer,
    ) -> None:
        self._show_board = show_board
        self._examine = examine
        self._record_look = record_look
        self._renderer = renderer

    @property
    def acts(self) -> list[Act]:
        """Both pages."""
        return [look("/board", self._show), look("/doctor", self._ask_the_doctor)]

    async def _show(self, _request: Request, me: SignedIn, _form: Form) -> Response:
        await self._record_look.execute(ConsolePage.BOARD)
        board = await self._show_board.execute()
        bars = bars_of(board)
        return self._renderer.page(
            "board.html",
            me,
            board=board,
            bars=bars,
            most=max(bar.successes + bar.failures for bar in bars),
            chart={"width": WIDTH, "height": HEIGHT, "axis": _AXIS},
            totals=totals_of(board),
            lag=_age(board.vitals.oldest_unsealed, board.vitals.now),
            outbox_age=_age(board.vitals.oldest_in_outbox, board.vitals.now),
        )

    async def _ask_the_doctor(self, _request: Request, me: SignedIn, _form: Form) -> Response:
        # Without a database, the doctor must still say so, and shows nothing that is stored.
        with suppress(UnavailableError):
            await self._record_look.execute(ConsolePage.DOCTOR)
        findings = await self._examine()
        return self._renderer.page("doctor.html", me, findings=findings, verdict=worst(findings))


def bars_of(board: Board) -> Sequence[Bar]:
    """A bar for each hour. The highest one is as high as the chart."""
    successes: Counter[datetime] = Counter()
    failures: Counter[datetime] = Counter()
    for each in board.sign_ins:
        (successes if each.outcome == SUCCESS else failures)[each.hour] += each.number
    most = max((successes[hour] + failures[hour] for hour in board.hours), default=0) or 1
    step = WIDTH / len(board.hours)
    return [
        Bar(
            hour=hour,
            x=round(position * step + _GAP / 2, 1),
            width=round(step - _GAP, 1),
            successes=successes[hour],
            failures=failures[hour],
            success_height=round(successes[hour] * HEIGHT / most, 1),
            failure_height=round(failures[hour] * HEIGHT / most, 1),
        )
        for position, hour in enumerate(board.hours)
    ]


def totals_of(board: Board) -> Sequence[tuple[str, int]]:
    """How many sign-ins had each outcome, successes first."""
    totals: Counter[str] = Counter()
    for each in board.sign_ins:
        totals[each.outcome] += each.number
    return sorted(totals.items(), key=lambda each: (each[0] != SUCCESS, -each[1], each[0]))


def _age(since: datetime | None, now: datetime) -> timedelta | None:
    return None if since is None else max(now - since, timedelta(0))
