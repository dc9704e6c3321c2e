"""Use case: find what was done to the audit trail since it was sealed."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, final

from application.ports.seal_keys import SealKeys
from application.ports.sealed_trail import (
    LooseRow,
    OrphanLeaf,
    SealedTrail,
    StoredBatch,
    StoredLeaf,
)
from domain.audit_finding import AuditFinding, FindingKind
from domain.audit_seal import (
    GENESIS,
    MAX_ROWS,
    BatchHeader,
    SealedBatch,
    SelfContradictionError,
    tagged,
)
from domain.merkle_tree import leaf_hash, tree_root

#: Batches, and loose rows, of one read.
PAGE: Final = 200
_ROWS_OF_A_PAGE: Final = 2_000
# Leaves beyond a batch's count that are still read, so that the surplus can be named.
_SURPLUS: Final = 100
# What says that a root need not be the one that was sealed.
_DOUBTFUL: Final = {FindingKind.BATCH_ALTERED, FindingKind.BATCH_FORGED}


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyAuditCommand:
    """What to compare with, and whom to tell.

    Attributes:
        checkpoints: What was told outside the store, in any order; and what claims to be of it,
            but contradicts itself.
        on_rows: Told of so many more rows that were looked at; sealed rows count twice, once in
            their batch and once among all rows.
        on_finding: Told of each finding as it is made.
    """

    checkpoints: Iterable[SealedBatch | SelfContradictionError]
    on_rows: Callable[[int], None]
    on_finding: Callable[[AuditFinding], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditVerified:
    """What was looked at.

    Attributes:
        waiting: Rows that are not sealed yet.
        dropped: Batches whose rows went for good, after they were handed on.
        checkpoints: Of how many batches a checkpoint was compared.
        newest: The newest batch, or None when nothing is sealed.
    """

    batches: int
    rows: int
    waiting: int
    dropped: int
    checkpoints: int
    findings: int
    newest: SealedBatch | None


@final
class VerifyAudit:
    """Reads the trail batch by batch.

    So the memory it takes does not grow with the trail, but for the hashes of the checkpoints.
    """

    def __init__(self, *, trail: SealedTrail, keys: SealKeys) -> None:
        self._trail = trail
        self._keys = keys
        # Of the keys at hand, those under which batches are said to be sealed.
        self._key_ids = {keys.key_id}

    async def rows_to_look_at(self) -> int:
        """About how many rows ``on_rows`` will be told of.

        Raises:
            TrailUnreadableError: A part of the trail is gone.
            UnavailableError: The store did not answer.
        """
        return 2 * (await self._trail.size()).rows

    async def execute(self, command: VerifyAuditCommand) -> AuditVerified:
        """Look at every header, leaf and row.

        Raises:
            TrailUnreadableError: A part of the trail is gone.
            UnavailableError: The store did not answer.
        """
        found = 0

        def tell(findings: Iterable[AuditFinding]) -> None:
            nonlocal found
            for finding in findings:
                found += 1
                command.on_finding(finding)

        told = _Checkpoints(self._keys)
        tell(told.read(command.checkpoints))
        gone = await self._gone(tell)
        batches = rows = dropped = 0
        before: StoredBatch | None = None
        async for batch in self._batches():
            tell(_gap(before, batch))
            of_header = await self._of_header(batch, before)
            tell(of_header)
            tell(told.compare(batch))
            header = batch.sealed.header
            # No batch holds more, whatever its header says by now.
            count = min(max(header.count, 0), MAX_ROWS)
            leaves = await self._trail.leaves(batch, limit=count + _SURPLUS)
            is_doubtful = any(finding.kind in _DOUBTFUL for finding in of_header)
            if not leaves and not is_doubtful and header.number <= gone.get(header.month, 0):
                dropped += 1
            else:
                tell(self._of_leaves(batch, leaves, is_doubtful=is_doubtful))
            batches += 1
            rows += len(leaves)
            command.on_rows(len(leaves))
            before = batch
        tell(told.beyond(before))
        async for orphan in self._orphans():
            tell([self._of_orphan(orphan)])
        waiting = 0
        async for loose in self._loose(before, command.on_rows):
            finding = self._of_loose(loose)
            tell([finding] if finding else [])
            waiting += finding is None and loose.orphan is None
        return AuditVerified(
            batches=batches,
            rows=rows,
            waiting=waiting,
            dropped=dropped,
            checkpoints=told.compared,
            findings=found,
            newest=None if before is None else before.sealed,
        )

    async def _gone(self, tell: Callable[[Iterable[AuditFinding]], None]) -> dict[str, int]:
        """Up to which batch each month went for good, by the word of a holder of the key."""
        gone = {}
        for dropped in await self._trail.drops():
            if self._keys.is_authentic(dropped.message, dropped.mac, key_id=dropped.key_id):
                gone[dropped.month] = dropped.last_batch
            else:
                finding = AuditFinding(
                    kind=FindingKind.DROP_FORGED,
                    batch=dropped.last_batch,
                    detail=f"nobody with the key noted that the month {dropped.month} was dropped",
                )
                tell([finding])
        return gone

    async def _batches(self) -> AsyncIterator[StoredBatch]:
        after = None
        while page := await self._trail.batches(after=after, limit=PAGE):
            for batch in page:
                yield batch
            after = page[-1].sealed.header.number

    async def _loose(
        self, newest: StoredBatch | None, on_rows: Callable[[int], None]
    ) -> AsyncIterator[LooseRow]:
        horizon = None if newest is None else await self._trail.horizon(newest)
        after = None
        while True:
            page = await self._trail.loose(after=after, horizon=horizon, limit=_ROWS_OF_A_PAGE)
            on_rows(page.looked_at)
            for row in page.loose:
                yield row
            if page.last is None:
                return
            after = page.last

    async def _orphans(self) -> AsyncIterator[OrphanLeaf]:
        after = None
        while page := await self._trail.orphans(after=after, limit=_ROWS_OF_A_PAGE):
            for leaf in page:
                yield leaf
            after = page[-1].place

    async def _of_header(
        self, batch: StoredBatch, before: StoredBatch | None
    ) -> list[AuditFinding]:
        header, number = batch.sealed.header, batch.sealed.header.number
        findings = []
        if not self._keys.knows(header.key_id):
            findings.append(
                AuditFinding(
                    kind=FindingKind.KEY_UNKNOWN,
                    batch=number,
                    detail=f"sealed under the key {header.key_id}, which is none of ours",
                )
            )
        elif not self._is_authentic(batch.sealed):
            findings.append(await self._of_unauthentic(batch))
        elif batch.noted_hash != batch.sealed.hash:
            findings.append(
                AuditFinding(
                    kind=FindingKind.BATCH_ALTERED,
                    batch=number,
                    detail="the hash noted beside the batch is not its hash",
                )
            )
        if self._keys.knows(header.key_id):
            self._key_ids.add(header.key_id)
        previous = GENESIS if before is None or number == 1 else before.sealed.hash
        follows = number == 1 or (before is not None and number == before.sealed.header.number + 1)
        if follows and header.previous != previous:
            findings.append(
                AuditFinding(
                    kind=FindingKind.CHAIN_BROKEN,
                    batch=number,
                    detail="it is not chained to the batch that stands before it",
                )
            )
        return findings

    async def _of_unauthentic(self, batch: StoredBatch) -> AuditFinding:
        """Tell an altered batch from one that stands in another's place, and from a forgery."""
        sealed, number = batch.sealed, batch.sealed.header.number
        after = await self._trail.number_of(sealed.header.previous)
        # The batch before may have been moved into this one's own place.
        places = [1] if sealed.header.previous == GENESIS else []
        places += [] if after is None else [after + 1, after]
        for true_number in places:
            moved = replace(sealed, header=replace(sealed.header, number=true_number))
            if true_number != number and self._is_authentic(moved):
                return AuditFinding(
                    kind=FindingKind.BATCH_MISPLACED,
                    batch=number,
                    detail=f"what stands here was sealed as batch {true_number}",
                )
        if batch.noted_hash == sealed.hash:
            return AuditFinding(
                kind=FindingKind.BATCH_FORGED,
                batch=number,
                detail="its hashes fit, but no holder of the audit key sealed it",
            )
        return AuditFinding(
            kind=FindingKind.BATCH_ALTERED,
            batch=number,
            detail="its header is not the one that was sealed",
        )

    def _of_leaves(
        self, batch: StoredBatch, leaves: Sequence[StoredLeaf], *, is_doubtful: bool
    ) -> Iterator[AuditFinding]:
        """Hold rows against leaves, and leaves against the root of a header that is genuine."""
        header = batch.sealed.header
        hashes = [leaf.hash for leaf in leaves]
        sealed = set(hashes)
        if tree_root(hashes) == header.root and not is_doubtful:
            for position, leaf in enumerate(leaves):
                if leaf.position != position:
                    yield _displaced(header.number, leaf)
                yield from _of_rows(header.number, leaf, sealed)
            return
        if not self._keys.knows(header.key_id):
            yield AuditFinding(
                kind=FindingKind.LEAF_ALTERED,
                batch=header.number,
                detail="its leaves do not make its root; without the key nobody can say which",
            )
            return
        # Somebody was at the leaves, or at the root: the tags tell which leaf is genuine.
        has_findings = False
        for finding in self._of_odd_leaves(batch, leaves, sealed):
            has_findings = True
            yield finding
        if not has_findings and not is_doubtful:
            yield AuditFinding(
                kind=FindingKind.ROW_MOVED,
                batch=header.number,
                detail="its leaves do not stand in the order in which they were sealed",
            )

    def _of_odd_leaves(
        self, batch: StoredBatch, leaves: Sequence[StoredLeaf], sealed: set[bytes]
    ) -> Iterator[AuditFinding]:
        header = batch.sealed.header
        yield from _missing(header, leaves)
        for leaf in leaves:
            if self._is_tagged(batch, leaf, leaf.hash):
                if not 0 <= leaf.position < header.count:
                    yield _displaced(header.number, leaf)
                yield from _of_rows(header.number, leaf, sealed)
            elif any(self._is_tagged(batch, leaf, leaf_hash(row.content)) for row in leaf.rows):
                yield AuditFinding(
                    kind=FindingKind.LEAF_ALTERED,
                    batch=header.number,
                    row=leaf.row,
                    detail="its leaf was altered; the row itself is as it was sealed",
                )
            elif len(leaves) > header.count:
                yield AuditFinding(
                    kind=FindingKind.LEAF_INSERTED,
                    batch=header.number,
                    row=leaf.row,
                    detail="it was not sealed in this batch",
                )
            else:
                yield AuditFinding(
                    kind=FindingKind.ROW_ALTERED,
                    batch=header.number,
                    row=leaf.row,
                    detail="neither it nor its leaf is as it was sealed",
                )

    def _is_tagged(self, batch: StoredBatch, leaf: StoredLeaf, hash_: bytes) -> bool:
        header = batch.sealed.header
        message = tagged(header.number, leaf.row, hash_)
        return self._keys.is_authentic(message, leaf.tag, key_id=header.key_id)

    def _was_sealed(self, orphan: OrphanLeaf) -> bool:
        """Whether a holder of a key sealed this leaf in the batch that is not there."""
        message = tagged(orphan.place.batch, orphan.row, orphan.hash)
        return any(
            self._keys.is_authentic(message, orphan.tag, key_id=key_id) for key_id in self._key_ids
        )

    def _of_orphan(self, orphan: OrphanLeaf) -> AuditFinding:
        """What a leaf of a batch that is not there tells: was the batch there, or never?"""
        if self._was_sealed(orphan):
            return AuditFinding(
                kind=FindingKind.BATCH_REMOVED,
                batch=orphan.place.batch,
                row=orphan.row,
                detail="the row was sealed in this batch, which is not there",
            )
        return AuditFinding(
            kind=FindingKind.LEAF_INSERTED,
            batch=orphan.place.batch,
            row=orphan.row,
            detail="nobody with the key sealed it, and its batch is not there",
        )

    def _of_loose(self, loose: LooseRow) -> AuditFinding | None:
        """What a row that no batch holds tells; None when there is nothing to add."""
        if loose.orphan is not None and self._was_sealed(loose.orphan):
            return None
        if not loose.is_passed:
            return None
        return AuditFinding(
            kind=FindingKind.ROW_INSERTED,
            batch=None,
            row=loose.row,
            detail="it stands where nothing was sealed and nothing can come any more",
        )

    def _is_authentic(self, batch: SealedBatch) -> bool:
        header = batch.header
        return self._keys.is_authentic(header.encoded(), batch.mac, key_id=header.key_id)


class _Checkpoints:
    """What was told outside the store, by number of batch."""

    def __init__(self, keys: SealKeys) -> None:
        self._keys = keys
        self._hashes: defaultdict[int, set[bytes]] = defaultdict(set)
        self.compared = 0

    def read(
        self, checkpoints: Iterable[SealedBatch | SelfContradictionError]
    ) -> Iterator[AuditFinding]:
        """Remember what is authentic; findings for what is not."""
        for checkpoint in checkpoints:
            if isinstance(checkpoint, SelfContradictionError):
                yield AuditFinding(
                    kind=FindingKind.CHECKPOINT_FORGED,
                    batch=checkpoint.batch,
                    detail="this checkpoint contradicts its own hash; it is left aside",
                )
                continue
            header = checkpoint.header
            is_authentic = self._keys.is_authentic(
                header.encoded(), checkpoint.mac, key_id=header.key_id
            )
            # One under a key that is not at hand is compared: it must be what is stored.
            if header.number < 1 or (self._keys.knows(header.key_id) and not is_authentic):
                yield AuditFinding(
                    kind=FindingKind.CHECKPOINT_FORGED,
                    batch=header.number,
                    detail="no holder of the audit key made this checkpoint; it is left aside",
                )
            else:
                self._hashes[header.number].add(checkpoint.hash)

    def compare(self, batch: StoredBatch) -> Iterator[AuditFinding]:
        """What is told of this batch must be what is stored."""
        number = batch.sealed.header.number
        told = self._hashes.pop(number, set())
        self.compared += bool(told)
        if told - {batch.sealed.hash}:
            yield AuditFinding(
                kind=FindingKind.HISTORY_REWRITTEN,
                batch=number,
                detail="an outside checkpoint tells of another batch of this number",
            )

    def beyond(self, newest: StoredBatch | None) -> Iterator[AuditFinding]:
        """What is told of batches that are not there, at the end of the trail."""
        last = 0 if newest is None else newest.sealed.header.number
        newest_told = max(self._hashes, default=0)
        if newest_told > last:
            yield AuditFinding(
                kind=FindingKind.TAIL_CUT,
                batch=newest_told,
                detail=f"an outside checkpoint tells of it, and the trail ends with batch {last}",
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
    """One finding for all positions of a batch at which no leaf stands."""
    places = {leaf.position for leaf in leaves if 0 <= leaf.position < header.count}
    missing = header.count - len(places)
    if missing <= 0:
        return
    first = next(position for position in range(header.count) if position not in places)
    last = next(position for position in range(header.count - 1, -1, -1) if position not in places)
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
        detail=f"its leaf stands at position {leaf.position}, where it was not sealed",
    )


def _of_rows(batch: int, leaf: StoredLeaf, others: set[bytes]) -> Iterator[AuditFinding]:
    """Exactly one row of the leaf's number, with the content that was sealed."""
    if not leaf.rows:
        yield AuditFinding(
            kind=FindingKind.ROW_REMOVED, batch=batch, row=leaf.row, detail="it is not there"
        )
        return
    own = [leaf_hash(row.content) for row in leaf.rows]
    if leaf.hash in own:
        if leaf.rows[own.index(leaf.hash)].transaction != leaf.transaction:
            yield AuditFinding(
                kind=FindingKind.LEAF_ALTERED,
                batch=batch,
                row=leaf.row,
                detail="its leaf names another transaction; the row itself is as it was sealed",
            )
        for _ in own[1:]:
            yield AuditFinding(
                kind=FindingKind.ROW_INSERTED,
                batch=batch,
                row=leaf.row,
                detail="another row stands beside it under the same number",
            )
    elif others & set(own):
        yield AuditFinding(
            kind=FindingKind.ROW_MOVED,
            batch=batch,
            row=leaf.row,
            detail="what stands here was sealed in another place of the batch",
        )
    else:
        yield AuditFinding(
            kind=FindingKind.ROW_ALTERED,
            batch=batch,
            row=leaf.row,
            detail="it is not as it was sealed",
        )
