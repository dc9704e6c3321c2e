"""What is found wrong with a trail that was tampered with, with the real cryptography."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from application.audit_judge import AuditJudge, is_doubtful
from application.ports.sealed_trail import (
    LeafPlace,
    LooseRow,
    OrphanLeaf,
    StoredBatch,
    StoredLeaf,
    StoredRow,
)
from domain.audit_finding import AuditFinding, FindingKind
from domain.audit_seal import GENESIS, BatchHeader, SealedBatch, tagged
from domain.merkle_tree import leaf_hash, tree_root
from domain.trail_row import Place
from tests.support.audit_desk import seal_keys
from tests.support.builders import NOW

KEYS = seal_keys(secrets.token_bytes(32))
OTHERS = seal_keys(secrets.token_bytes(32))
JUDGE = AuditJudge(KEYS)
TRANSACTION = 700


def a_leaf(position: int, *, batch: int = 5, keys: Any = KEYS) -> StoredLeaf:
    """A leaf as it was sealed, beside its row."""
    row, content = 40 + position, f"row {position}".encode()
    hash_ = leaf_hash(content)
    return StoredLeaf(
        position=position,
        transaction=TRANSACTION,
        row=row,
        hash=hash_,
        tag=keys.tag(tagged(batch, row, hash_)),
        rows=[a_row(content)],
    )


def a_row(content: bytes, *, transaction: int = TRANSACTION) -> StoredRow:
    return StoredRow(content=content, transaction=transaction, user_id=None, occurred_at=NOW)


LEAVES = [a_leaf(position) for position in range(4)]
MOVED = "row_moved: batch 5, row 41: the row stored here was sealed at another place in the batch"
OTHER_TRANSACTION = (
    "leaf_altered: batch 5, row 41: its leaf names another transaction; the row itself is intact"
)
ALTERED = replace(LEAVES[1], rows=[a_row(b"altered")])


def a_batch(
    number: int = 5, *, previous: bytes = bytes([9]) * 32, keys: Any = KEYS, **changes: Any
) -> StoredBatch:
    """A batch over the leaves, as it was sealed."""
    header = BatchHeader(
        number=number,
        month="2026-01",
        count=len(LEAVES),
        total=20,
        first_row=40,
        last_row=43,
        root=tree_root([leaf.hash for leaf in LEAVES]),
        previous=previous,
        horizon=Place(transaction=TRANSACTION, row=43),
        sealed_at=NOW,
        key_id=keys.key_id,
    )
    header = replace(header, **changes)
    sealed = SealedBatch(header=header, mac=keys.authenticate(header.encoded()))
    return StoredBatch(sealed=sealed, noted_hash=sealed.hash)


def altered(batch: StoredBatch, **changes: Any) -> StoredBatch:
    """The batch with another header, and the MAC and the stored hash of the true one."""
    header = replace(batch.sealed.header, **changes)
    return replace(batch, sealed=replace(batch.sealed, header=header))


def told(findings: Sequence[AuditFinding]) -> list[str]:
    return [str(finding) for finding in findings]


def of_leaves(
    leaves: Sequence[StoredLeaf], batch: StoredBatch | None = None, *, is_doubtful: bool = False
) -> list[str]:
    return told(list(JUDGE.leaves(batch or a_batch(), leaves, is_doubtful=is_doubtful)))


def of_header(
    batch: StoredBatch, before: StoredBatch | None, *, previous_number: int | None = None
) -> list[str]:
    return told(JUDGE.header(batch, before, previous_number=previous_number))


def test_nothing_is_wrong_with_what_is_as_it_was_sealed() -> None:
    before = a_batch(4)
    assert of_header(a_batch(previous=before.sealed.hash), before) == []
    assert of_header(a_batch(1, previous=GENESIS), None) == []
    assert of_leaves(LEAVES) == []
    assert of_leaves(LEAVES, is_doubtful=True) == []


@pytest.mark.parametrize(
    ("leaf", "finding"),
    [
        (ALTERED, "row_altered: batch 5, row 41: it was altered"),
        (replace(LEAVES[1], rows=[]), "row_removed: batch 5, row 41: it is missing"),
        (
            replace(LEAVES[1], rows=LEAVES[2].rows),
            MOVED,
        ),
        (
            replace(LEAVES[1], rows=[*ALTERED.rows, *LEAVES[1].rows]),
            "row_inserted: batch 5, row 41: another row has the same number",
        ),
        (
            replace(LEAVES[1], rows=[a_row(b"row 1", transaction=TRANSACTION + 1)]),
            OTHER_TRANSACTION,
        ),
    ],
    ids=lambda each: each.partition(":")[0] if isinstance(each, str) else "",
)
@pytest.mark.parametrize("root_is_doubtful", [False, True])
def test_a_row_that_is_not_what_was_sealed_is_named(
    leaf: StoredLeaf, finding: str, *, root_is_doubtful: bool
) -> None:
    leaves = [LEAVES[0], leaf, *LEAVES[2:]]
    assert of_leaves(leaves, is_doubtful=root_is_doubtful) == [finding]


def test_each_further_row_of_a_number_is_told_of() -> None:
    leaf = replace(LEAVES[1], rows=[*LEAVES[1].rows, *ALTERED.rows, *ALTERED.rows])
    found = of_leaves([LEAVES[0], leaf, *LEAVES[2:]])
    assert found == ["row_inserted: batch 5, row 41: another row has the same number"] * 2


def test_a_leaf_that_was_altered_is_told_from_its_row() -> None:
    other = leaf_hash(b"other")
    leaf = replace(LEAVES[1], hash=other)
    found = of_leaves([LEAVES[0], leaf, *LEAVES[2:]])
    assert found == [
        "leaf_altered: batch 5, row 41: its leaf was altered; the row itself is intact"
    ]
    both = replace(leaf, rows=[a_row(b"other")])
    found = of_leaves([LEAVES[0], both, *LEAVES[2:]])
    assert found == ["row_altered: batch 5, row 41: it and its leaf were altered"]


def test_a_leaf_that_was_never_sealed_is_surplus() -> None:
    surplus = replace(a_leaf(4, keys=OTHERS), rows=[a_row(b"made up")])
    assert of_leaves([*LEAVES, surplus]) == [
        "leaf_inserted: batch 5, row 44: it wasn't sealed in this batch"
    ]


@pytest.mark.parametrize(
    ("left", "finding"),
    [
        ([0, 1, 3], "leaf_removed: batch 5: the leaf at position 2 is missing"),
        ([1, 2, 3], "leaf_removed: batch 5: the leaf at position 0 is missing"),
        ([2], "leaf_removed: batch 5: 3 leaves are missing, from position 0 to position 3"),
        ([0, 3], "leaf_removed: batch 5: 2 leaves are missing, from position 1 to position 2"),
        ([], "leaf_removed: batch 5: 4 leaves are missing, from position 0 to position 3"),
    ],
)
def test_leaves_that_are_missing_are_told_of_at_once(left: list[int], finding: str) -> None:
    assert of_leaves([LEAVES[position] for position in left]) == [finding]


@pytest.mark.parametrize("position", [-1, 4])
def test_a_leaf_out_of_place_is_named_with_where_it_is(position: int) -> None:
    displaced = replace(LEAVES[3], position=position)
    finding = (
        f"leaf_altered: batch 5, row 43: its leaf is at position {position}, where it wasn't sealed"
    )
    # The order is that of the root, and only a position is another.
    assert of_leaves([*LEAVES[:3], displaced]) == [finding]
    assert of_leaves([displaced, *LEAVES[:3]]) == [
        "leaf_removed: batch 5: the leaf at position 3 is missing",
        finding,
    ]


def test_leaves_in_another_order_are_told_of_where_the_root_counts() -> None:
    reordered = [replace(leaf, position=position) for position, leaf in enumerate(reversed(LEAVES))]
    assert of_leaves(reordered) == [
        "row_moved: batch 5: its leaves aren't in the order in which they were sealed"
    ]
    assert of_leaves(reordered, is_doubtful=True) == []


def test_without_the_key_nothing_but_the_root_can_be_compared() -> None:
    batch = a_batch(keys=OTHERS)
    assert of_leaves(LEAVES, batch) == []
    assert of_leaves(LEAVES[:3], batch) == [
        "leaf_altered: batch 5: its leaves don't match its root; only the key could tell which ones"
    ]
    before = a_batch(4)
    batch = a_batch(keys=OTHERS, previous=before.sealed.hash)
    assert of_header(batch, before) == [
        f"key_unknown: batch 5: it was sealed under the key {OTHERS.key_id}, which isn't available"
    ]
    assert not JUDGE.is_unauthentic(batch.sealed)


BEFORE = a_batch(4)
TRUE = a_batch(previous=BEFORE.sealed.hash)
HASH_ALTERED = "batch_altered: batch 5: the hash stored with the batch isn't its hash"


def test_an_altered_header_is_told_from_an_altered_hash_and_from_a_forgery() -> None:
    assert of_header(replace(TRUE, noted_hash=bytes(32)), BEFORE) == [HASH_ALTERED]
    batch = altered(TRUE, total=21)
    assert JUDGE.is_unauthentic(batch.sealed)
    assert not JUDGE.is_unauthentic(TRUE.sealed)
    assert of_header(batch, BEFORE) == [
        "batch_altered: batch 5: its header isn't the one that was sealed"
    ]
    forged = replace(batch, noted_hash=batch.sealed.hash)
    assert of_header(forged, BEFORE) == [
        "batch_forged: batch 5: its hashes match, but it wasn't sealed with an audit key"
    ]


@pytest.mark.parametrize(
    ("number", "previous", "previous_number", "true_number"),
    [
        (1, GENESIS, None, 1),
        (3, TRUE.sealed.hash, 2, 3),
        # The batch before it was moved to this batch's place itself.
        (3, TRUE.sealed.hash, 3, 3),
    ],
    ids=["first", "third", "moved"],
)
def test_a_batch_at_the_place_of_another_is_told_with_its_own(
    number: int, previous: bytes, previous_number: int | None, true_number: int
) -> None:
    moved = altered(a_batch(number, previous=previous), number=5)
    found = of_header(moved, None, previous_number=previous_number)
    assert found[1:] == [
        f"batch_misplaced: batch 5: the batch stored here was sealed as batch {true_number}"
    ]


def test_a_batch_that_was_sealed_in_its_place_is_not_misplaced_whatever_else_is_wrong() -> None:
    batch = altered(TRUE, total=21)
    for previous_number in (4, 5, None):
        (finding,) = of_header(batch, BEFORE, previous_number=previous_number)
        assert finding.startswith("batch_altered: ")


@pytest.mark.parametrize(
    ("before", "finding"),
    [
        (None, "batch_removed: batch 1: 4 batches are missing before batch 5"),
        (a_batch(2), "batch_removed: batch 3: 2 batches are missing before batch 5"),
        (a_batch(3), "batch_removed: batch 4: 1 batches are missing before batch 5"),
        # Somebody gave it a number that no batch has.
        (a_batch(-7), "batch_removed: batch 1: 4 batches are missing before batch 5"),
    ],
)
def test_batches_that_are_missing_are_counted(before: StoredBatch | None, finding: str) -> None:
    # What is not there can't be compared with the chain.
    assert of_header(TRUE, before) == [finding]


def test_a_batch_is_chained_to_the_one_before_it() -> None:
    broken = "it isn't chained to the stored batch before it"
    assert of_header(a_batch(), BEFORE) == [f"chain_broken: batch 5: {broken}"]
    assert of_header(a_batch(1), None) == [f"chain_broken: batch 1: {broken}"]
    # Whatever has a number below it.
    assert of_header(a_batch(1, previous=GENESIS), a_batch(0)) == []


@pytest.mark.parametrize(
    ("kind", "doubtful"),
    [
        (FindingKind.BATCH_ALTERED, True),
        (FindingKind.BATCH_FORGED, True),
        (FindingKind.CHAIN_BROKEN, False),
    ],
)
def test_only_a_header_that_was_not_sealed_so_puts_its_root_in_doubt(
    kind: FindingKind, *, doubtful: bool
) -> None:
    found = AuditFinding(kind=kind, batch=5, detail="")
    assert is_doubtful(
        [AuditFinding(kind=FindingKind.BATCH_REMOVED, batch=1, detail=""), found]
    ) is (doubtful)
    assert not is_doubtful([])


def an_orphan(keys: Any = KEYS) -> OrphanLeaf:
    leaf = a_leaf(2, batch=77, keys=keys)
    return OrphanLeaf(
        place=LeafPlace(batch=77, position=2), row=leaf.row, hash=leaf.hash, tag=leaf.tag
    )


def test_a_leaf_without_its_batch_was_sealed_or_made_up() -> None:
    key_ids = {KEYS.key_id, OTHERS.key_id}
    assert str(JUDGE.orphan(an_orphan(), key_ids)) == (
        "batch_removed: batch 77, row 42: the row was sealed in this batch, which is missing"
    )
    for leaf, known in ((an_orphan(OTHERS), key_ids), (an_orphan(), set[str]())):
        assert str(JUDGE.orphan(leaf, known)) == (
            "leaf_inserted: batch 77, row 42: it wasn't sealed with an audit key, and its batch is "
            "missing"
        )


def test_a_loose_row_is_told_of_if_sealing_has_passed_it_and_no_orphan_explains_it() -> None:
    def judged(orphan: OrphanLeaf | None, *, is_passed: bool) -> AuditFinding | None:
        return JUDGE.loose(LooseRow(row=42, orphan=orphan, is_passed=is_passed), {KEYS.key_id})

    assert judged(None, is_passed=False) is None
    assert judged(an_orphan(), is_passed=True) is None
    assert judged(an_orphan(OTHERS), is_passed=False) is None
    for orphan in (None, an_orphan(OTHERS)):
        assert str(judged(orphan, is_passed=True)) == (
            "row_inserted: row 42: it isn't sealed, and sealing has already passed its place"
        )
