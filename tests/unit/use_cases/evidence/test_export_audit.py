"""Exporting the audit trail. What a verifier says of it: test_audit_export.py."""

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
