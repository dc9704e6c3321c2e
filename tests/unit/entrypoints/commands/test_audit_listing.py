"""What `vetassist audit show` makes of names and rows."""

import csv
import json
from io import StringIO

import pytest

from domain.audit_event import AuditEventType
from domain.audit_record import AuditMark, AuditRecord
from domain.visitor import Visitor
from entrypoints.commands.audit_listing import as_csv, types_of
from tests.support.builders import NOW, a_user_id


@pytest.mark.parametrize(
    ("name", "suggested"),
    [
        ("login_fail", "login_failed"),
        ("LOGN", "login"),
        ("logn", "login"),
        ("user-disabled", "user_disabled"),
        ("theft", "session_theft"),
        ("revoked", "session_revoked"),
        ("icn", "icn_changed"),
    ],
)
def test_a_name_that_is_nearly_right_is_answered_with_the_right_one(
    name: str, suggested: str
) -> None:
    with pytest.raises(ValueError, match=r"did you mean") as refused:
        types_of([name])
    assert suggested in str(refused.value).partition("did you mean ")[2].rstrip("?").split(" or ")


def test_a_name_counts_in_any_case() -> None:
    assert types_of(["LOGIN", " Logout "]) == frozenset(
        {AuditEventType.LOGIN, AuditEventType.LOGOUT}
    )


@pytest.mark.parametrize("name", ["nope", "", "x", "!"])
def test_a_name_that_is_like_none_is_answered_with_all_and_not_with_any(name: str) -> None:
    with pytest.raises(ValueError, match=r"is one of ") as refused:
        types_of([name])
    assert "did you mean" not in str(refused.value)
    for each in AuditEventType:
        assert each.value in str(refused.value)


def a_record(**data: str | int) -> AuditRecord:
    return AuditRecord(
        mark=AuditMark(occurred_at=NOW, key="1"),
        type="login",
        user_id=a_user_id(),
        visitor=Visitor(operator="=cmd|' /C calc'!A0", request_id="0123456789ab-7f"),
        data=data,
    )


def test_csv_is_what_excel_reads() -> None:
    record = a_record(reason="Zoë", sessions=3)
    text = b"".join(as_csv([record]))

    assert text.startswith(b"\xef\xbb\xbf")
    assert text.count(b"\n") == text.count(b"\r\n") == 2
    (row,) = csv.DictReader(StringIO(text.decode("utf-8-sig"), newline=""))
    assert row["user_id"] == str(record.user_id)
    assert row["occurred_at"] == "2026-01-20T17:30:00Z"
    assert json.loads(row["data"]) == {"reason": "Zoë", "sessions": 3}
    assert row["request_id"] == "0123456789ab-7f"


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
)
def test_no_cell_is_a_formula(start: str) -> None:
    record = a_record()
    visitor = Visitor(operator=f"{start}1+1")
    shown = AuditRecord(mark=record.mark, type=f"{start}x", user_id=None, visitor=visitor, data={})
    text = b"".join(as_csv([shown])).decode("utf-8-sig")
    (row,) = csv.DictReader(StringIO(text, newline=""))
    assert row["type"] == f"'{start}x"
    assert row["operator"] == f"'{start}1+1"
