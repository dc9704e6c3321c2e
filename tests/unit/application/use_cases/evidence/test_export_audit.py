"""Exporting the audit trail. What a verifier says of it: test_audit_export.py."""

from typing import Any
from unittest.mock import patch

import pytest

from adapters.memory.audit_trail import MemoryAuditTrail
from adapters.memory.export_file import MemoryExportFile
from application.errors import UnavailableError
from domain.audit_event import AuditEvent
from domain.merkle_tree import MerkleTree, leaf_hash
from tests.support.audit_desk import AuditDesk
from tests.support.storage import memory_storage


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
