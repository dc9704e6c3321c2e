"""Tables as people and pipes get them."""

import pytest

from entrypoints.commands.tables import Cell, print_fields, print_table

ID = "8f5f5a4e-6a0e-4d3f-9a57-5b8b3f0c2d11"
OTHER = "00000000-0000-4000-8000-000000000001"
HEADINGS = ("User", "Name", "Data")
RECORDS: list[tuple[Cell, ...]] = [
    (ID, "Tamara Ellis", ["reason=lost_device", f"session_id={OTHER}"]),
    (OTHER, "", []),
]


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)


def test_in_a_pipe_each_record_is_one_line_however_long(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_table(HEADINGS, [*RECORDS, (ID, "x" * 500, "y" * 500)])
    heading, first, second, long = capsys.readouterr().out.splitlines()
    assert heading.split() == ["User", "Name", "Data"]
    assert first.split() == [ID, "Tamara", "Ellis", "reason=lost_device", f"session_id={OTHER}"]
    assert second == OTHER
    assert long.split() == [ID, "x" * 500, "y" * 500]
    # Columns begin one below the other.
    assert heading.index("Name") == first.index("Tamara") == long.index("x")


@pytest.mark.parametrize("columns", ["80", "40", "1"])
def test_where_lines_would_be_too_long_each_record_is_a_block_and_each_id_a_line(
    columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    print_table(HEADINGS, RECORDS)
    assert capsys.readouterr().out.splitlines() == [
        f"User  {ID}",
        "Name  Tamara Ellis",
        "Data  reason=lost_device",
        f"      session_id={OTHER}",
        "",
        f"User  {OTHER}",
    ]


def test_lines_that_just_fit_stay_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for columns, lines in (("42", 2), ("41", 2), ("40", 2)):
        monkeypatch.setenv("COLUMNS", columns)
        print_table(("User", "No"), [(ID, "12")])
        assert len(capsys.readouterr().out.splitlines()) == lines
    monkeypatch.setenv("COLUMNS", "39")
    print_table(("User", "No"), [(ID, "12")])
    assert capsys.readouterr().out.splitlines() == [f"User  {ID}", "No    12"]


def test_what_would_control_a_terminal_is_shown_as_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_table(("What",), [("[b]\x1b[31mred\n\u202e",)])
    print_fields([("What", "a\rb")])
    assert capsys.readouterr().out == "What\n[b]\\x1b[31mred\\n\\u202e\nWhat  a\\rb\n"


def test_wide_characters_keep_the_columns_apart(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("Name", "No"), [("山田", "1"), ("Jose\u0301", "2")])
    assert capsys.readouterr().out == "Name  No\n山田  1\nJose\u0301  2\n"


def test_nothing_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(HEADINGS, [])
    assert capsys.readouterr().out == ""
