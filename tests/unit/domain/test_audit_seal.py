"""The bytes that are sealed. They may never change: tags and MACs are over them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from domain.audit_seal import BatchHeader, SealedBatch, SelfContradictionError, tagged
from domain.trail_row import Place

HEADER = BatchHeader(
    number=3,
    month="2026-01",
    count=2,
    total=8,
    first_row=7,
    last_row=9,
    root=bytes([1]) * 32,
    previous=bytes([2]) * 32,
    horizon=Place(transaction=700, row=9),
    sealed_at=datetime(2026, 1, 20, 17, 30, tzinfo=UTC),
    key_id="k1",
)
ENCODED = (
    b'{"count":2,"first_row":7,"format":1,"horizon":[700,9],"key_id":"k1","last_row":9,'
    b'"month":"2026-01","number":3,"previous":"' + b"02" * 32 + b'","root":"' + b"01" * 32 + b'",'
    b'"sealed_at":"2026-01-20T17:30:00.000000+00:00","total":8}'
)
BATCH = SealedBatch(header=HEADER, mac=b"mac")


def test_a_header_has_one_encoding() -> None:
    assert HEADER.encoded() == ENCODED
    assert BatchHeader.from_record(HEADER.to_record()) == HEADER


def test_a_tag_is_over_the_batch_the_row_and_the_leaf() -> None:
    assert tagged(1, 2, b"hash") == b"leaf\0" + bytes(7) + b"\1" + bytes(7) + b"\2" + b"hash"
    # Only a row that was tampered with says so.
    assert tagged(-1, -2, b"") == b"leaf\0" + b"\xff" * 15 + b"\xfe"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, "unknown header format"),
        ({"format": None}, "unknown header format"),
        ({"horizon": 7}, "not a batch header"),
        ({"count": None}, "not a batch header"),
        ({"root": 7}, "not a batch header"),
        ({"count": float("inf")}, "not a batch header"),
    ],
)
def test_a_record_of_another_form_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        BatchHeader.from_record(HEADER.to_record() | changes)
    with pytest.raises(ValueError, match=f"^{message}$"):
        SealedBatch.from_record(BATCH.to_record() | {"batch": HEADER.to_record() | changes})


@pytest.mark.parametrize("name", ["format", "number", "key_id"])
def test_a_record_without_a_member_is_refused(name: str) -> None:
    record = HEADER.to_record()
    del record[name]
    with pytest.raises(ValueError, match=r"^not a batch header$"):
        BatchHeader.from_record(record)


@pytest.mark.parametrize("record", [None, [], {}, {"batch": HEADER.to_record(), "mac": 7}])
def test_what_is_no_sealed_batch_is_refused(record: Any) -> None:
    with pytest.raises(ValueError, match=r"^not a sealed batch$"):
        SealedBatch.from_record(record)


def test_a_batch_that_contradicts_its_hash_names_itself() -> None:
    record = BATCH.to_record()
    assert SealedBatch.from_record(record) == BATCH
    with pytest.raises(SelfContradictionError) as found:
        SealedBatch.from_record(record | {"mac": "00"})
    assert found.value.batch == 3
    assert str(found.value) == "the recorded hash doesn't match batch 3"
