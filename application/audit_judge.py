"""Judges what is stored of the audit trail against what was sealed. It reads nothing itself."""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final, final

from application.ports.seal_keys import SealKeys
from application.ports.sealed_trail import LooseRow, OrphanLeaf, StoredBatch, StoredLeaf
from domain.audit_finding import AuditFinding, FindingKind
from domain.audit_seal import GENESIS, BatchHeader, SealedBatch, tagged
from domain.merkle_tree import leaf_hash, tree_root

# After one of these findings, the root in the header may not be the one that was sealed.
_DOUBTFUL: Final = {FindingKind.BATCH_ALTERED, FindingKind.BATCH_FORGED}


def is_doubtful(findings: Sequence[AuditFinding]) -> bool:
    """Whether these findings on a header mean that its root can't be relied on."""
    return any(finding.kind in _DOUBTFUL for finding in findings)


@final
class AuditJudge:
    """Finds differences, with the keys that are available."""

    def __init__(self, keys: SealKeys) -> None:
        self._keys = keys

    def is_unauthentic(self, batch: SealedBatch) -> bool:
        """Whether the batch names an available key, but its MAC wasn't made with it."""
        return self._keys.knows(batch.header.key_id) and not self._is_authentic(batch)

    def header(
        self, batch: StoredBatch, before: StoredBatch | None, *, previous_number: int | None
    ) -> list[AuditFinding]:
        """Checks a header and its place in the chain.

        Args:
            batch: The batch to check.
            before: The stored batch before it.
            previous_number: If the batch is unauthentic, the number of the stored batch that it
                is chained to.
        """
        header, number = batch.sealed.header, batch.sealed.header.number
        findings = [*_gap(before, batch)]
        if not self._keys.knows(header.key_id):
            findings.append(
                AuditFinding(
                    kind=FindingKind.KEY_UNKNOWN,
                    batch=number,
                    detail=f"it was sealed under the key {header.key_id}, which isn't available",
                )
            )
        elif not self._is_authentic(batch.sealed):
            findings.append(self._unauthentic(batch, previous_number))
        elif batch.noted_hash != batch.sealed.hash:
            findings.append(
                AuditFinding(
                    kind=FindingKind.BATCH_ALTERED,
                    batch=number,
                    detail="the hash stored with the batch isn't its hash",
                )
            )
        previous = GENESIS if before is None or number == 1 else before.sealed.hash
        follows = number == 1 or (before is not None and number == before.sealed.header.number + 1)
        if follows and header.previous != previous:
            findings.append(
                AuditFinding(
                    kind=FindingKind.CHAIN_BROKEN,
                    batch=number,
                    detail="it isn't chained to the stored batch before it",
                )
            )
        return findings

    def leaves(
        self, batch: StoredBatch, leaves: Sequence[StoredLeaf], *, is_doubtful: bool
    ) -> Iterator[AuditFinding]:
        """Compares rows with leaves, and leaves with the root of the header.

        Args:
            batch: Their batch.
            leaves: All its stored leaves by position, and some surplus ones if there are any.
            is_doubtful: Whether the root can't be relied on.
        """
        header = batch.sealed.header
        hashes = [leaf.hash for leaf in leaves]
        sealed = set(hashes)
        if tree_root(hashes) == header.root and not is_doubtful:
            for position, leaf in enumerate(leaves):
                if leaf.position != position:
                    yield _displaced(header.number, leaf)
                yield from _rows(header.number, leaf, sealed)
            return
        if not self._keys.knows(header.key_id):
            yield AuditFinding(
                kind=FindingKind.LEAF_ALTERED,
                batch=header.number,
                detail="its leaves don't match its root; only the key could tell which ones",
            )
            return
        # The leaves or the root were tampered with. The tags tell which leaves are authentic.
        has_findings = False
        for finding in self._tampered_leaves(batch, leaves, sealed):
            has_findings = True
            yield finding
        if not has_findings and not is_doubtful:
            yield AuditFinding(
                kind=FindingKind.ROW_MOVED,
                batch=header.number,
                detail="its leaves aren't in the order in which they were sealed",
            )

    def orphan(self, orphan: OrphanLeaf, key_ids: AbstractSet[str]) -> AuditFinding:
        """Judges a leaf whose batch is missing: was it sealed in that batch, or made up?

        Args:
            orphan: The leaf.
            key_ids: Ids of the available keys under which batches are sealed.
        """
        if self._was_sealed(orphan, key_ids):
            return AuditFinding(
                kind=FindingKind.BATCH_REMOVED,
                batch=orphan.place.batch,
                row=orphan.row,
                detail="the row was sealed in this batch, which is missing",
            )
        return AuditFinding(
            kind=FindingKind.LEAF_INSERTED,
            batch=orphan.place.batch,
            row=orphan.row,
            detail="it wasn't sealed with an audit key, and its batch is missing",
        )

    def loose(self, loose: LooseRow, key_ids: AbstractSet[str]) -> AuditFinding | None:
        """Judges a row that isn't in a batch. Returns None if there is nothing to report."""
        if loose.orphan is not None and self._was_sealed(loose.orphan, key_ids):
            return None
        if not loose.is_passed:
            return None
        return AuditFinding(
            kind=FindingKind.ROW_INSERTED,
            batch=None,
            row=loose.row,
            detail="it isn't sealed, and sealing has already passed its place",
        )

    def _is_authentic(self, batch: SealedBatch) -> bool:
        header = batch.header
        return self._keys.is_authentic(header.encoded(), batch.mac, key_id=header.key_id)

    def _unauthentic(self, batch: StoredBatch, previous_number: int | None) -> AuditFinding:
        """Tells an altered batch from a misplaced one and from a forgery."""
        sealed, number = batch.sealed, batch.sealed.header.number
        # The batch before it may itself have been moved to this batch's place.
        places = [1] if previous_number is None else [previous_number + 1, previous_number]
        for true_number in places:
            moved = replace(sealed, header=replace(sealed.header, number=true_number))
            if true_number != number and self._is_authentic(moved):
                return AuditFinding(
                    kind=FindingKind.BATCH_MISPLACED,
                    batch=number,
                    detail=f"the batch stored here was sealed as batch {true_number}",
                )
        if batch.noted_hash == sealed.hash:
            return AuditFinding(
                kind=FindingKind.BATCH_FORGED,
                batch=number,
                detail="its hashes match, but it wasn't sealed with an audit key",
            )
        return AuditFinding(
            kind=FindingKind.BATCH_ALTERED,
            batch=number,
            detail="its header isn't the one that was sealed",
        )

    def _tampered_leaves(
        self, batch: StoredBatch, leaves: Sequence[StoredLeaf], sealed: set[bytes]
    ) -> Iterator[AuditFinding]:
        header = batch.sealed.header
        yield from _missing(header, leaves)
        for leaf in leaves:
            if self._is_tagged(batch, leaf, leaf.hash):
                if not 0 <= leaf.position < header.count:
                    yield _displaced(header.number, leaf)
                yield from _rows(header.number, leaf, sealed)
            elif any(self._is_tagged(batch, leaf, leaf_hash(row.content)) for row in leaf.rows):
                yield AuditFinding(
                    kind=FindingKind.LEAF_ALTERED,
                    batch=header.number,
                    row=leaf.row,
                    detail="its leaf was altered; the row itself is intact",
                )
            elif len(leaves) > header.count:
                yield AuditFinding(
                    kind=FindingKind.LEAF_INSERTED,
                    batch=header.number,
                    row=leaf.row,
                    detail="it wasn't sealed in this batch",
                )
            else:
                yield AuditFinding(
                    kind=FindingKind.ROW_ALTERED,
                    batch=header.number,
                    row=leaf.row,
                    detail="it and its leaf were altered",
                )

    def _is_tagged(self, batch: StoredBatch, leaf: StoredLeaf, hash_: bytes) -> bool:
        header = batch.sealed.header
        message = tagged(header.number, leaf.row, hash_)
        return self._keys.is_authentic(message, leaf.tag, key_id=header.key_id)

    def _was_sealed(self, orphan: OrphanLeaf, key_ids: AbstractSet[str]) -> bool:
        message = tagged(orphan.place.batch, orphan.row, orphan.hash)
        return any(
            self._keys.is_authentic(message, orphan.tag, key_id=key_id) for key_id in key_ids
        )


def _gap(before: StoredBatch | None, batch: StoredBatch) -> Iterator[AuditFinding]:
    last = 0 if before is None else max(before.sealed.header.number, 0)
    missing = batch.sealed.header.number - last - 1
    if missing > 0:
        yield AuditFinding(
            kind=FindingKind.BATCH_REMOVED,
            batch=last + 1,
            detail=f"{missing} batches are missing before batch {last + missing + 1}",
        )


def _missing(header: BatchHeader, leaves: Sequence[StoredLeaf]) -> Iterator[AuditFinding]:
    """Reports all positions of a batch without a leaf in one finding."""
    places = {leaf.position for leaf in leaves if 0 <= leaf.position < header.count}
    missing = header.count - len(places)
    if missing <= 0:
        return
    positions = range(header.count)
    first = next(position for position in positions if position not in places)
    last = next(position for position in reversed(positions) if position not in places)
    yield AuditFinding(
        kind=FindingKind.LEAF_REMOVED,
        batch=header.number,
        detail=f"the leaf at position {first} is missing"
        if missing == 1
        else f"{missing} leaves are missing, from position {first} to position {last}",
    )


def _displaced(batch: int, leaf: StoredLeaf) -> AuditFinding:
    return AuditFinding(
        kind=FindingKind.LEAF_ALTERED,
        batch=batch,
        row=leaf.row,
        detail=f"its leaf is at position {leaf.position}, where it wasn't sealed",
    )


def _rows(batch: int, leaf: StoredLeaf, others: set[bytes]) -> Iterator[AuditFinding]:
    """Checks that there is one row with the leaf's number, and that it has the sealed content."""
    if not leaf.rows:
        yield AuditFinding(
            kind=FindingKind.ROW_REMOVED, batch=batch, row=leaf.row, detail="it is missing"
        )
        return
    own = [leaf_hash(row.content) for row in leaf.rows]
    if leaf.hash in own:
        if leaf.rows[own.index(leaf.hash)].transaction != leaf.transaction:
            yield AuditFinding(
                kind=FindingKind.LEAF_ALTERED,
                batch=batch,
                row=leaf.row,
                detail="its leaf names another transaction; the row itself is intact",
            )
        for _ in own[1:]:
            yield AuditFinding(
                kind=FindingKind.ROW_INSERTED,
                batch=batch,
                row=leaf.row,
                detail="another row has the same number",
            )
    elif others & set(own):
        yield AuditFinding(
            kind=FindingKind.ROW_MOVED,
            batch=batch,
            row=leaf.row,
            detail="the row stored here was sealed at another place in the batch",
        )
    else:
        yield AuditFinding(
            kind=FindingKind.ROW_ALTERED, batch=batch, row=leaf.row, detail="it was altered"
        )
