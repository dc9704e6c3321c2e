"""Use case: find out whether the audit trail was tampered with after it was sealed."""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Final, final

from application.audit_judge import AuditJudge, is_doubtful
from application.checkpoint_comparison import CheckpointComparison
from application.ports.seal_keys import SealKeys
from application.ports.sealed_trail import LooseRow, OrphanLeaf, SealedTrail, StoredBatch
from application.sealed_batches import sealed_batches
from domain.audit_finding import AuditFinding, FindingKind
from domain.audit_seal import MAX_ROWS, SealedBatch, SelfContradictionError

_ROWS_OF_A_PAGE: Final = 2_000
# How many leaves are read beyond a batch's count, so that surplus ones can be named.
_SURPLUS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyAuditCommand:
    """What to compare the trail with, and how to report.

    Attributes:
        checkpoints: Checkpoints from outside the store, in any order, and errors for those that
            contradict themselves.
        on_rows: Called with the number of rows checked since the last call. Sealed rows count
            twice: once in their batch, and once among all rows.
        on_finding: Called with each finding.
    """

    checkpoints: Iterable[SealedBatch | SelfContradictionError]
    on_rows: Callable[[int], None]
    on_finding: Callable[[AuditFinding], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditVerified:
    """How much was checked.

    Attributes:
        waiting: Number of rows that aren't sealed yet.
        dropped: Number of batches whose rows were dropped after they were exported.
        checkpoints: Number of batches that were compared with a checkpoint.
        newest: The newest batch, or None if nothing is sealed.
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
    """Reads the trail batch by batch, so its memory only grows with the checkpoints."""

    def __init__(self, *, trail: SealedTrail, keys: SealKeys) -> None:
        self._trail = trail
        self._keys = keys
        self._judge = AuditJudge(keys)

    async def count(self) -> int:
        """Returns about how many rows ``on_rows`` will report.

        Raises:
            TrailUnreadableError: A part of the trail is missing.
            UnavailableError: The store did not answer.
        """
        return 2 * (await self._trail.size()).rows

    async def execute(self, command: VerifyAuditCommand) -> AuditVerified:
        """Checks every header, leaf and row.

        Raises:
            TrailUnreadableError: A part of the trail is missing.
            UnavailableError: The store did not answer.
        """
        found = 0

        def report(findings: Iterable[AuditFinding]) -> None:
            nonlocal found
            for finding in findings:
                found += 1
                command.on_finding(finding)

        checkpoints = CheckpointComparison(self._keys)
        report(checkpoints.read(command.checkpoints))
        drops = await self._drops(report)
        key_ids = {self._keys.key_id}
        batches = rows = dropped = 0
        before: StoredBatch | None = None
        async for batch in sealed_batches(self._trail):
            header = batch.sealed.header
            if self._keys.knows(header.key_id):
                key_ids.add(header.key_id)
            of_header = await self._of_header(batch, before)
            report(of_header)
            report(checkpoints.compare(batch))
            # No batch has more rows than this, even if a header was altered to say so.
            count = min(max(header.count, 0), MAX_ROWS)
            leaves = await self._trail.leaves(batch, limit=count + _SURPLUS)
            is_in_doubt = is_doubtful(of_header)
            if not leaves and not is_in_doubt and header.number <= drops.get(header.month, 0):
                dropped += 1
            else:
                report(self._judge.leaves(batch, leaves, is_doubtful=is_in_doubt))
            batches += 1
            rows += len(leaves)
            command.on_rows(len(leaves))
            before = batch
        report(checkpoints.beyond(before))
        async for orphan in self._orphans():
            report([self._judge.orphan(orphan, key_ids)])
        waiting = 0
        async for loose in self._loose(before, command.on_rows):
            finding = self._judge.loose(loose, key_ids)
            report([finding] if finding else [])
            waiting += finding is None and loose.orphan is None
        return AuditVerified(
            batches=batches,
            rows=rows,
            waiting=waiting,
            dropped=dropped,
            checkpoints=checkpoints.compared,
            findings=found,
            newest=None if before is None else before.sealed,
        )

    async def _of_header(
        self, batch: StoredBatch, before: StoredBatch | None
    ) -> list[AuditFinding]:
        previous_number = None
        if self._judge.is_unauthentic(batch.sealed):
            previous_number = await self._trail.number_of(batch.sealed.header.previous)
        return self._judge.header(batch, before, previous_number=previous_number)

    async def _drops(self, report: Callable[[Iterable[AuditFinding]], None]) -> dict[str, int]:
        """Returns the last dropped batch of each month that was authentically dropped."""
        drops = {}
        for drop in await self._trail.drops():
            if self._keys.is_authentic(drop.message, drop.mac, key_id=drop.key_id):
                drops[drop.month] = drop.last_batch
            else:
                finding = AuditFinding(
                    kind=FindingKind.DROP_FORGED,
                    batch=drop.last_batch,
                    detail=f"the drop of the month {drop.month} wasn't recorded with an audit key",
                )
                report([finding])
        return drops

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
