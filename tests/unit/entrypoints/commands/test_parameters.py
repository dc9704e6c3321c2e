"""Instants on a command line."""

from datetime import UTC, datetime
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner, Result

from entrypoints.commands.parameters import Since, Until, require_order

app = typer.Typer()


@app.command()
def show(
    *,
    since: Since = None,
    until: Until = None,
    other: Annotated[str, typer.Option()] = "",
) -> None:
    require_order(since, until)
    typer.echo(f"{since}{until}{other}")


def said(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize("option", ["--since", "--until"])
@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-01-20", datetime(2026, 1, 20, tzinfo=UTC)),
        ("2026-01-20T17:30:00", datetime(2026, 1, 20, 17, 30, tzinfo=UTC)),
        ("2026-01-20 17:30", datetime(2026, 1, 20, 17, 30, tzinfo=UTC)),
        ("2026-01-20T17:30:00Z", datetime(2026, 1, 20, 17, 30, tzinfo=UTC)),
        (" 2026-01-20T17:30:00Z\n", datetime(2026, 1, 20, 17, 30, tzinfo=UTC)),
        ("2026-01-20T17:30:00+02:00", datetime(2026, 1, 20, 15, 30, tzinfo=UTC)),
        ("2026-01-20T17:30:00-05:30", datetime(2026, 1, 20, 23, 0, tzinfo=UTC)),
        ("2026-01-20T17:30:00.123456+00:00", datetime(2026, 1, 20, 17, 30, 0, 123456, UTC)),
        # The year changes with the zone.
        ("2026-01-01T00:30:00+01:00", datetime(2025, 12, 31, 23, 30, tzinfo=UTC)),
    ],
)
def test_an_instant_is_converted_to_utc_and_is_utc_without_an_offset(
    option: str, text: str, instant: datetime
) -> None:
    result = said(option, text)
    assert result.exit_code == 0, result.stderr
    assert str(instant) in result.stdout


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-02-30",
        "2026-01-20T25:00:00",
        "2026-01-20T17:30:00 EST",
        # Finer than the database keeps.
        "2026-01-20T17:30:00.1234567",
        "2026-01-20T17:30:00,1234567Z",
        # No year is before the first, nor after the last.
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_what_is_no_instant_is_refused(text: str) -> None:
    result = said("--since", text)
    assert result.exit_code == 2
    assert "2026-01-20" in result.stderr


@pytest.mark.parametrize("until", ["2026-01-20T17:30:00Z", "2026-01-20T18:29:59+01:00"])
def test_a_span_without_any_instant_is_refused(until: str) -> None:
    result = said("--since", "2026-01-20T17:30:00Z", "--until", until)
    assert (result.exit_code, result.stderr) == (2, "vetassist: --since must be before --until\n")


def test_a_span_of_a_microsecond_is_one() -> None:
    span = ("--since", "2026-01-20T17:30:00Z", "--until", "2026-01-20T18:30:00.000001+01:00")
    assert said(*span).exit_code == 0
