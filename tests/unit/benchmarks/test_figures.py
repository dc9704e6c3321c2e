"""What becomes of measured values."""

from pathlib import Path

import pytest

from benchmarks.figures import Section, Spread, Table, Target, percentile
from benchmarks.report import MarkMissingError, markdown, text, write
from benchmarks.rounds import in_turns


def test_a_spread_shows_the_median_and_how_far_the_rounds_lie_apart() -> None:
    assert Spread((3000.0, 1000.0, 2000.0)).shown() == "2,000 (1,000 to 3,000)"
    assert Spread((1.25, 1.75)).shown(2, " ms") == "1.50 ms (1.25 to 1.75)"
    assert Spread((7.0,)).shown(1) == "7.0"


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(value) for value in range(100, 0, -1)]

    assert percentile(values, 0.50) == 51
    assert percentile(values, 0.99) == 100
    assert percentile([5.0], 0.99) == 5


def test_ratios_compare_within_a_round_and_each_round_begins_with_another() -> None:
    order: list[str] = []

    def measure(variant: str) -> dict[str, float]:
        order.append(variant)
        # The machine is twice as busy in every round.
        return {"rate": {"a": 10.0, "b": 30.0}[variant] / 2 ** ((len(order) - 1) // 2)}

    results = in_turns(["a", "b"], 3, measure, lambda _line: None)

    assert order == ["a", "b", "b", "a", "a", "b"]
    assert results.spread("b", "rate").values == (30.0, 15.0, 7.5)
    assert results.ratio("b", "a", "rate").values == (3.0, 3.0, 3.0)


def a_section(*, is_met: bool = True) -> Section:
    table = Table(title="Speed", head=("", "Fast"), rows=[("this", "1"), ("that", "2")])
    target = Target(aim="fast enough", figure="2", is_met=is_met)
    return Section(tables=[table], targets=[target], notes=["so it was"])


def test_a_section_reads_as_markdown() -> None:
    assert "**Speed**\n\n|  | Fast |\n| --- | ---: |\n| this | 1 |" in markdown(a_section())
    assert "| fast enough | 2 | met |" in markdown(a_section())
    assert "- so it was" in markdown(a_section())


def test_a_target_that_was_missed_says_so() -> None:
    assert "| fast enough | 2 | **missed** |" in markdown(a_section(is_met=False))
    assert "missed" in text(a_section(is_met=False))


def test_a_document_without_the_place_is_left_alone(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text("<!-- measured: speed -->\nnever ends")

    with pytest.raises(MarkMissingError):
        write(document, "speed", a_section())
    assert document.read_text() == "<!-- measured: speed -->\nnever ends"
