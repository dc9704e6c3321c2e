"""The benchmarks in their short form: everything is measured once, and no figure is judged."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from benchmarks.__main__ import DOCUMENT, SUITES, main
from benchmarks.suites.validation import VARIANTS
from tests.support.processes import REPOSITORY

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(sys.platform != "linux", reason="they need Linux"),
]

_PATIENCE_SECONDS: Final = 240
#: It measures for moments, beside everything else that is tested: a machine may have none to spare.
_TRIES: Final = 3
#: What the tables of each suite must tell of, whatever the figures are.
ROWS: Final = {
    "validation": [*VARIANTS, "verify with 2 connections: at least", "99th percentile with 2"],
    "below-saturation": ["stateless", "one SELECT", "ours: verify", "processor per answer"],
    "sign-in": ["first sign-in, 1 at once", "returning, 8 at once", "| 8 at once |"],
    "whole-sign-in": ["the original design, first sign-in, 1", "ours, returning, 8", "at most 0.9"],
    "sign-in-counts": ["round trips to PostgreSQL", "calls to VA", "calls to the system"],
    "storm": ["20 sign-ins at once", "callback: signed in", "without sign-ins", "grows by"],
    "growth": [
        "verify, answers per second",
        "first sign-ins per second",
        "ending every session of a user",
        "`vetassist_sessions_user_id_id_key`",
        "Purge of 20 sessions among 200",
        "| during the purge |",
        "200 sessions: verify at least 0.9 times",
    ],
    "workers": ["| 1 |", "| 2 |"],
    "revocation": ["| 8 | 0 |", "no stale acceptance in 8 "],
    "footprint": [
        "`vetassist --help`",
        "`GET /readyz`",
        "VmRSS",
        "at most 70 MiB",
        "remembers 60 tokens",
    ],
    "audit-sealing": ["events written a second", "rows sealed a second"],
    "parts": ["| seal |", "| open |", "| issue jwt |", "remembered", "look up sessions[64]"],
    "machine": ["| Python |", "| Libraries | uvicorn ", "| PostgreSQL |", "| Load |"],
}


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The document, as the short form has written into it."""
    document = tmp_path_factory.mktemp("docs") / "performance.md"
    document.write_text(DOCUMENT.read_text())
    for tries_left in reversed(range(_TRIES)):
        # A process of its own: it keeps itself to some of the processors.
        ended = subprocess.run(
            [sys.executable, "-m", "benchmarks", "--short", "--out", document],
            cwd=REPOSITORY,
            env={name: value for name, value in os.environ.items() if "XDIST" not in name},
            stdout=subprocess.DEVNULL,
            timeout=_PATIENCE_SECONDS,
            check=not tries_left,
        )
        if ended.returncode == 0:
            break
    return document


def section(document: str, name: str) -> str:
    _, _, rest = document.partition(f"<!-- measured: {name} -->")
    return rest.partition(f"<!-- end of {name} -->")[0]


def around(document: str) -> str:
    """All that no suite writes."""
    for name in ROWS:
        document = document.replace(section(document, name), "")
    return document


def test_every_suite_is_looked_at() -> None:
    assert ROWS.keys() == {*SUITES, "machine"}


@pytest.mark.parametrize("name", ROWS)
def test_every_table_has_every_row(document: Path, name: str) -> None:
    written = section(document.read_text(), name)
    assert [row for row in ROWS[name] if row not in written] == []


@pytest.mark.parametrize("name", SUITES)
def test_each_section_says_how_it_was_measured(document: Path, name: str) -> None:
    assert "`python -m benchmarks --short" in section(document.read_text(), name)


def test_what_stands_around_the_sections_stays(document: Path) -> None:
    assert around(document.read_text()) == around(DOCUMENT.read_text())


def test_the_plot_is_an_image_that_describes_itself(document: Path) -> None:
    drawn = (document.parent / "images" / "performance.svg").read_text()

    assert drawn.startswith("<svg ")
    assert "ours: verify" in drawn
    assert "images/performance.svg" in section(document.read_text(), "validation")


def test_a_document_that_is_not_there_is_said_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["--short", "--out", str(tmp_path / "nothing.md")])
    assert "the document doesn't exist" in capsys.readouterr().err
