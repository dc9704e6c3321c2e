"""The short form of the benchmarks: everything is measured once, and nothing is asserted of it."""

import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import SUITES, main
from benchmarks.suites.validation import VARIANTS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="they need Linux")

#: What each suite's tables must tell of, whatever the figures are.
ROWS = {
    "validation": [*VARIANTS, "verify with 4 connections: at least", "99th percentile with 4"],
    "below-saturation": ["stateless", "one SELECT", "ours: verify", "processor per answer"],
    "sign-in": ["first sign-in, 1 at once", "returning, 8 at once", "| 8 at once |"],
    "growth": [
        "verify, answers per second",
        "first sign-ins per second",
        "ending every session of a user",
        "`vetassist_sessions_user_id_id_key`",
        "Purge of 20 sessions among 200",
        "| meanwhile |",
        "200 sessions: verify at least 0.9 times",
    ],
    "workers": ["| 1 |", "| 2 |"],
    "revocation": ["| 8 | 0 |", "no stale acceptance in 8 "],
    "footprint": ["`vetassist --help`", "`GET /readyz`", "VmRSS", "at most 70 MiB"],
    "parts": ["| seal |", "| open |", "| issue jwt |", "remembered", "look up sessions[64]"],
    "machine": ["| Python |", "| Libraries | uvicorn ", "| PostgreSQL |", "| Load |"],
}


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A document that the short form has written into."""
    document = tmp_path_factory.mktemp("docs") / "performance.md"
    places = [f"<!-- measured: {name} -->\nold\n<!-- end of {name} -->" for name in ROWS]
    document.write_text("\n".join(["before", *places, "after"]))
    main(["--short", "--out", str(document)])
    return document


def section(document: Path, name: str) -> str:
    _, _, rest = document.read_text().partition(f"<!-- measured: {name} -->")
    return rest.partition(f"<!-- end of {name} -->")[0]


def test_every_suite_is_looked_at() -> None:
    assert ROWS.keys() == {*SUITES, "machine"}


@pytest.mark.parametrize("name", ROWS)
def test_every_table_has_every_row(document: Path, name: str) -> None:
    written = section(document, name)

    assert [row for row in ROWS[name] if row not in written] == []
    assert "old" not in written


def test_each_section_says_when_and_how_it_was_measured(document: Path) -> None:
    for name in SUITES:
        assert "`python -m benchmarks --short" in section(document, name)


def test_what_stands_around_the_sections_stays(document: Path) -> None:
    assert document.read_text().startswith("before\n")
    assert document.read_text().endswith("\nafter")


def test_the_plot_is_an_image_that_describes_itself(document: Path) -> None:
    drawn = (document.parent / "images" / "performance.svg").read_text()

    assert drawn.startswith("<svg ")
    assert "ours: verify" in drawn
    assert "images/performance.svg" in section(document, "validation")
