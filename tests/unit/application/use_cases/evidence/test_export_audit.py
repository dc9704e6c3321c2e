"""Exporting the audit trail. What a verifier says of it: test_audit_export.py."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from adapters.memory.audit_trail import MemoryAuditTrail
from adapters.memory.export_file import MemoryExportFile
from adapters.memory.sealed_trail import MemorySealedTrail
from adapters.memory.store import MemoryStore
from adapters.system.secret_source import SystemSecretSource
from application.errors import AuditBrokenError, UnavailableError
from application.ports.sealed_trail import StoredBatch, StoredLeaf
from application.use_cases.evidence.export_audit import (
    AuditExported,
    ExportAudit,
    ExportAuditCommand,
)
from domain.audit_event import AuditEvent, AuditEventType
from domain.merkle_tree import MerkleTree, leaf_hash
from domain.visitor import Visitor
from tests.support.audit_desk import AuditDesk
from tests.support.builders import NOW, a_user_id
from tests.support.storage import memory_storage

FEBRUARY = datetime(2026, 2, 1, tzinfo=UTC)
USER = a_user_id()


async def test_nothing_is_written_of_a_trail_that_is_not_sealed() -> None:
    desk = AuditDesk(storage=memory_storage())
    await desk.append(3)
    assert await desk.export() == []


async def test_each_row_comes_with_a_path_to_the_root_of_its_batch() -> None:
    desk = AuditDesk(storage=memory_storage())
    await desk.append(7)
    await desk.seal()
    rows = [line for line in await desk.export() if line["type"] == "row"]

    assert len(rows) == 7
    for row in rows:
        header = row["batch"]
        leaves = [leaf_hash(each["row"].encode()) for each in rows if each["batch"] == header]
        tree = MerkleTree(leaves)
        assert tree.root.hex() == header["root"]
        assert row["path"] == [node.hex() for node in tree.path(row["position"])]


async def test_a_header_follows_the_rows_of_its_batch() -> None:
    desk = AuditDesk(storage=memory_storage())
    await desk.append(6)
    await desk.seal()
    lines = await desk.export()

    assert [(line["type"], line["batch"]["number"]) for line in lines] == [
        *[("row", 1)] * 4,
        ("batch", 1),
        *[("row", 2)] * 2,
        ("batch", 2),
    ]


async def test_a_file_is_settled_before_the_export_is_recorded_and_kept_afterwards() -> None:
    desk = AuditDesk(storage=memory_storage())
    await desk.append(1)
    await desk.seal()
    steps: list[str] = []

    def step(method: str) -> Any:
        original = getattr(MemoryExportFile, method)

        def noted(self: MemoryExportFile) -> Any:
            steps.append(method)
            return original(self)

        return patch.object(MemoryExportFile, method, noted)

    append = MemoryAuditTrail.append

    async def appended(self: MemoryAuditTrail, event: AuditEvent) -> None:
        steps.append(event.type.value)
        await append(self, event)

    with step("settle"), step("keep"), patch.object(MemoryAuditTrail, "append", appended):
        await desk.export()
    assert steps == ["settle", "audit_exported", "keep"]


async def test_a_file_is_discarded_if_the_export_cannot_be_recorded() -> None:
    desk = AuditDesk(storage=memory_storage())
    await desk.append(1)
    await desk.seal()
    with (
        patch.object(MemoryExportFile, "discard") as discard,
        patch.object(MemoryExportFile, "keep") as keep,
        patch.object(MemoryAuditTrail, "append", side_effect=UnavailableError),
        pytest.raises(UnavailableError),
    ):
        await desk.export()
    discard.assert_called_once()
    keep.assert_not_called()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
async def desk(store: MemoryStore) -> AuditDesk:
    """A trail of 5 rows in January and 6 in February, of which one of each is the user's."""
    desk = AuditDesk(storage=memory_storage(store))
    await desk.append(4)
    await desk.append(1, user_id=USER)
    await desk.append(1, user_id=USER, now=FEBRUARY)
    await desk.append(5, now=FEBRUARY + timedelta(seconds=1))
    await desk.seal()
    return desk


async def exported(desk: AuditDesk, **bounds: Any) -> tuple[AuditExported, list[int], str]:
    """What is said of an export, the numbers of rows as it goes, and the file."""
    file, looked_at = MemoryExportFile(), list[int]()
    use_case = ExportAudit(
        trail=desk.storage.sealed_trail,
        keys=desk.keys,
        unit_of_work=desk.storage.unit_of_work,
        secrets=SystemSecretSource(),
        clock=desk.clock,
    )
    command = ExportAuditCommand(file=file, on_rows=looked_at.append, **bounds)
    return await use_case.execute(command), looked_at, "".join(f"{line}\n" for line in file.lines)


async def test_an_export_is_recorded_with_what_is_in_it_and_with_the_audit_key(
    store: MemoryStore, desk: AuditDesk
) -> None:
    desk.clock.advance(timedelta(days=30))
    found, looked_at, text = await exported(desk)

    assert found == AuditExported(rows=11, batches=4, whole=[(1, 4)])
    assert looked_at == [4, 1, 4, 2]
    # Without a space that says nothing.
    assert '"type":"row","row":"' in text
    assert '{"type":"batch","batch":{"format":1,"number":1,' in text
    sha256 = hashlib.sha256(text.encode())
    assert store.committed.audit[-1] == AuditEvent(
        type=AuditEventType.AUDIT_EXPORTED,
        occurred_at=NOW + timedelta(days=30),
        user_id=None,
        visitor=Visitor(),
        data={"rows": 11, "batches": 4, "sha256": sha256.hexdigest()},
    )
    (export,) = store.committed.audit_exports
    assert (export.first_batch, export.last_batch) == (1, 4)
    assert (export.at, export.sha256) == (NOW + timedelta(days=30), sha256.digest())
    assert desk.keys.key_id == export.key_id
    assert desk.keys.is_authentic(export.message, export.mac, key_id=export.key_id)
    await exported(desk)
    assert len({each.id for each in store.committed.audit_exports}) == 2


SECOND = FEBRUARY + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("bounds", "rows", "batches", "whole"),
    [
        ({"user_id": USER}, [5, 6], [2, 3, 4], [(2, 2)]),
        ({"user_id": a_user_id()}, [], [], []),
        ({"since": FEBRUARY}, [6, 7, 8, 9, 10, 11], [3, 4], [(3, 4)]),
        ({"since": SECOND}, [7, 8, 9, 10, 11], [3, 4], [(4, 4)]),
        ({"until": FEBRUARY}, [1, 2, 3, 4, 5], [1, 2, 3, 4], [(1, 2)]),
        ({"until": SECOND}, [1, 2, 3, 4, 5, 6], [1, 2, 3, 4], [(1, 2)]),
        ({"since": NOW, "until": NOW}, [], [], []),
        ({"since": NOW, "until": SECOND, "user_id": USER}, [5, 6], [2, 3, 4], [(2, 2)]),
    ],
)
async def test_only_the_rows_within_the_bounds_are_exported(
    desk: AuditDesk,
    bounds: dict[str, Any],
    rows: list[int],
    batches: list[int],
    whole: Any,
) -> None:
    lines = await desk.export(**bounds)
    numbers = [
        int(line["row"].partition('"row_number":')[2].partition(",")[0])
        for line in lines
        if line["type"] == "row"
    ]
    assert numbers == rows
    assert [line["batch"]["number"] for line in lines if line["type"] == "batch"] == batches
    found, *_ = await exported(desk, **bounds)
    assert found == AuditExported(rows=len(rows), batches=len(batches), whole=whole)


@pytest.mark.parametrize(
    ("bounds", "read"),
    [
        ({}, [1, 2, 3, 4]),
        ({"since": FEBRUARY}, [3, 4]),
        ({"until": FEBRUARY}, [1, 2]),
        ({"since": FEBRUARY - timedelta(seconds=1)}, [1, 2, 3, 4]),
        ({"until": FEBRUARY + timedelta(seconds=1)}, [1, 2, 3, 4]),
    ],
)
async def test_the_rows_of_months_out_of_bounds_are_not_even_read(
    desk: AuditDesk, monkeypatch: pytest.MonkeyPatch, bounds: dict[str, Any], read: list[int]
) -> None:
    leaves, asked = MemorySealedTrail.leaves, list[int]()

    async def noted(self: MemorySealedTrail, batch: StoredBatch, *, limit: int) -> Any:
        asked.append(batch.sealed.header.number)
        return await leaves(self, batch, limit=limit)

    monkeypatch.setattr(MemorySealedTrail, "leaves", noted)
    await exported(desk, **bounds)
    assert asked == read


async def test_a_time_that_python_cannot_say_is_in_no_bounds(
    desk: AuditDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaves = MemorySealedTrail.leaves

    async def timeless(self: MemorySealedTrail, batch: StoredBatch, *, limit: int) -> Any:
        found = await leaves(self, batch, limit=limit)
        return [
            replace(leaf, rows=[replace(row, occurred_at=None) for row in leaf.rows])
            for leaf in found
        ]

    monkeypatch.setattr(MemorySealedTrail, "leaves", timeless)
    for bounds, rows in (
        ({}, 11),
        ({"user_id": USER}, 2),
        ({"since": NOW}, 0),
        ({"until": SECOND}, 0),
    ):
        found, *_ = await exported(desk, **bounds)
        assert found.rows == rows


async def test_a_batch_of_a_month_that_python_cannot_say_is_read(
    desk: AuditDesk, store: MemoryStore
) -> None:
    first = store.committed.audit_batches[1]
    header = replace(first.header, month="294276-12")
    store.committed.audit_batches = {
        1: replace(first, header=header, mac=desk.keys.authenticate(header.encoded()))
    }
    found, *_ = await exported(desk, since=NOW)
    assert found.rows == 4


async def test_the_drops_of_months_come_first_and_their_rows_are_not_looked_for(
    store: MemoryStore, desk: AuditDesk
) -> None:
    await desk.export()
    desk.clock.advance(datetime(2026, 4, 1, tzinfo=UTC) - NOW)
    # The export's own event, so that the month is complete.
    await desk.seal()
    await desk.export()
    assert await desk.retire(months=2) == {"2026-01": "dropped"}
    (drop,) = store.committed.audit_drops.values()
    lines = await desk.export()

    assert lines[0] == {"type": "drop"} | drop.to_record()
    assert [line["type"] for line in lines].count("drop") == 1
    numbers = {line["batch"]["number"] for line in lines if line["type"] == "row"}
    assert numbers == {3, 4}
    _, _, text = await exported(desk)
    assert text.startswith('{"type":"drop","month":"2026-01",')
    assert (await desk.export(since=FEBRUARY))[0]["type"] == "row"

    for changes in ({"mac": bytes(32)}, {"key_id": "another"}, {"rows": 1}):
        store.committed.audit_drops["2026-01"] = replace(drop, **changes)
        assert await broken(desk) == drop.last_batch


async def broken(desk: AuditDesk) -> int:
    """The batch at which an export finds that the trail was tampered with."""
    with pytest.raises(AuditBrokenError) as found:
        await desk.export()
    return found.value.batch


async def test_nothing_is_exported_of_a_trail_that_was_tampered_with(
    store: MemoryStore, desk: AuditDesk
) -> None:
    tables = store.committed
    second, third = tables.audit_batches[2], tables.audit_batches[3]
    for batch, found in (
        (replace(second, mac=bytes(32)), 2),
        (replace(second, header=replace(second.header, total=9)), 2),
        (third, 3),
    ):
        tables.audit_batches[2] = batch
        assert await broken(desk) == found
    tables.audit_batches[2] = second

    leaves = tables.audit_leaves[3]
    for altered in (leaves[1:], (*reversed(leaves),), (*leaves, leaves[0])):
        tables.audit_leaves[3] = altered
        assert await broken(desk) == 3
    tables.audit_leaves[3] = leaves

    tables.audit[5] = replace(tables.audit[5], data={"sessions": 99})
    assert await broken(desk) == 3


@pytest.mark.parametrize("copies", [0, 2])
async def test_a_row_that_is_missing_or_there_twice_is_not_exported(
    desk: AuditDesk, monkeypatch: pytest.MonkeyPatch, copies: int
) -> None:
    leaves = MemorySealedTrail.leaves

    async def changed(self: MemorySealedTrail, batch: StoredBatch, *, limit: int) -> Any:
        found: list[StoredLeaf] = list(await leaves(self, batch, limit=limit))
        if batch.sealed.header.number == 3:
            found[1] = replace(found[1], rows=[*found[1].rows] * copies)
        return found

    monkeypatch.setattr(MemorySealedTrail, "leaves", changed)
    assert await broken(desk) == 3


async def test_positions_with_a_gap_are_not_exported(
    desk: AuditDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaves = MemorySealedTrail.leaves

    async def shifted(self: MemorySealedTrail, batch: StoredBatch, *, limit: int) -> Any:
        found = await leaves(self, batch, limit=limit)
        return [replace(leaf, position=leaf.position + 1) for leaf in found]

    monkeypatch.setattr(MemorySealedTrail, "leaves", shifted)
    assert await broken(desk) == 1


async def test_a_batch_whose_stored_hash_is_another_is_not_exported(
    desk: AuditDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = MemorySealedTrail.batches

    async def renamed(self: MemorySealedTrail, *, after: int | None, limit: int) -> Any:
        found = await batches(self, after=after, limit=limit)
        return [replace(batch, noted_hash=bytes(32)) for batch in found]

    monkeypatch.setattr(MemorySealedTrail, "batches", renamed)
    assert await broken(desk) == 1


async def test_a_batch_in_the_middle_that_is_gone_is_not_passed_over(
    store: MemoryStore, desk: AuditDesk
) -> None:
    del store.committed.audit_batches[2]
    assert await broken(desk) == 3


async def test_an_export_of_one_user_concerns_that_user(
    store: MemoryStore, desk: AuditDesk
) -> None:
    await exported(desk, user_id=USER)
    assert store.committed.audit[-1].user_id == USER
