"""The numbers of the console's board."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from application.ports.service_figures import ServiceFigures, SignInCount
from application.ports.vital_signs import Vitals, VitalSigns
from application.use_cases.console.show_board import Board, ShowBoard
from tests.support.frozen_clock import frozen_clock

NOW = datetime(2026, 1, 20, 17, 30, 29, 999_999, tzinfo=UTC)
VITALS = cast("Vitals", object())


class Figures(ServiceFigures):
    """Says for when it was asked."""

    def __init__(self) -> None:
        self.asked: list[datetime] = []

    async def sign_ins(self, *, since: datetime) -> Sequence[SignInCount]:
        self.asked.append(since)
        return [SignInCount(hour=since, outcome="success", number=3)]

    async def live_sessions(self, *, now: datetime) -> int:
        self.asked.append(now)
        return 7

    async def read(self) -> Vitals:
        return VITALS


@pytest.fixture
async def shown() -> tuple[Board, Figures]:
    clock, figures = frozen_clock(), Figures()
    clock.advance(NOW - clock.now())
    return await ShowBoard(
        figures=figures, vital_signs=cast("VitalSigns", figures), clock=clock
    ).execute(), figures


async def test_the_board_shows_a_day_by_the_full_hour(shown: tuple[Board, Figures]) -> None:
    board, figures = shown
    first = datetime(2026, 1, 19, 18, tzinfo=UTC)
    assert board.now == NOW
    assert list(board.hours) == [first + timedelta(hours=hour) for hour in range(24)]
    assert figures.asked == [first, NOW]
    assert board.sign_ins == [SignInCount(hour=first, outcome="success", number=3)]
    assert (board.live_sessions, board.vitals) == (7, VITALS)
