"""Whoever looks after the audit trail: adds events, seals, verifies, exports."""

import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from adapters.encryption.audit_keys import AuditKeyRing
from adapters.encryption.seal_keys import HMACSealKeys
from adapters.memory.audit_checkpoints import MemoryAuditCheckpoints
from adapters.memory.export_file import MemoryExportFile
from adapters.system.secret_source import SystemSecretSource
from application.ports.seal_keys import SealKeys
from application.use_cases.evidence.export_audit import ExportAudit, ExportAuditCommand
from application.use_cases.evidence.retire_audit import RetireAudit, RetireAuditCommand
from application.use_cases.evidence.seal_audit import AuditSealed, SealAudit
from application.use_cases.evidence.verify_audit import (
    AuditVerified,
    VerifyAudit,
    VerifyAuditCommand,
)
from domain.audit_event import AuditEvent, AuditEventType
from domain.audit_finding import AuditFinding
from domain.audit_seal import SealedBatch, SelfContradictionError
from domain.identifiers import UserId
from tests.support.builders import NOW, a_user_id, a_visitor
from tests.support.frozen_clock import FrozenClock, frozen_clock
from tests.support.storage import Storage


def seal_keys(*keys: bytes) -> SealKeys:
    """The keys of an operator who has set these, the one in use first."""
    return HMACSealKeys(AuditKeyRing(keys[0], keys[1:]))


@dataclass(slots=True, kw_only=True)
class AuditDesk:
    """The use cases of the audit trail over one store, with the real cryptography."""

    storage: Storage
    keys: SealKeys = field(default_factory=lambda: seal_keys(secrets.token_bytes(32)))
    batch_limit: int = 4
    told: MemoryAuditCheckpoints = field(default_factory=MemoryAuditCheckpoints)
    clock: FrozenClock = field(default_factory=frozen_clock)

    async def append(
        self, events: int, *, user_id: UserId | None = None, now: datetime = NOW
    ) -> None:
        """Add events that are full of facts, each in a transaction of its own."""
        for number in range(events):
            event = AuditEvent.of_user(
                AuditEventType.LOGOUT_ALL,
                user_id or a_user_id(),
                visitor=a_visitor(),
                now=now,
                sessions=number,
            )
            async with self.storage.unit_of_work() as work:
                await work.audit.append(event)
                await work.commit()

    async def seal(self) -> AuditSealed:
        return await self.sealer().execute()

    def sealer(self) -> SealAudit:
        """As in a process that has just started."""
        return SealAudit(
            unit_of_work=self.storage.unit_of_work,
            keys=self.keys,
            checkpoints=self.told,
            clock=self.clock,
            batch_limit=self.batch_limit,
        )

    @property
    def checkpoints(self) -> list[SealedBatch]:
        """What was told outside."""
        return [SealedBatch.from_record(json.loads(line)) for line in self.told.lines]

    async def verify(
        self, checkpoints: Iterable[SealedBatch | SelfContradictionError] = ()
    ) -> tuple[AuditVerified, list[AuditFinding]]:
        findings: list[AuditFinding] = []
        command = VerifyAuditCommand(
            checkpoints=checkpoints, on_rows=lambda _rows: None, on_finding=findings.append
        )
        use_case = VerifyAudit(trail=self.storage.sealed_trail, keys=self.keys)
        verified = await use_case.execute(command)
        assert verified.findings == len(findings)
        return verified, findings

    async def findings(
        self, checkpoints: Iterable[SealedBatch | SelfContradictionError] = ()
    ) -> list[tuple[str, int | None, int | None]]:
        """Kind, batch and row of what a verification finds."""
        _, findings = await self.verify(checkpoints)
        return [(found.kind.value, found.batch, found.row) for found in findings]

    async def export(self, **bounds: Any) -> Sequence[dict[str, Any]]:
        """The lines of an export."""
        file = MemoryExportFile()
        command = ExportAuditCommand(file=file, on_rows=lambda _rows: None, **bounds)
        use_case = ExportAudit(
            trail=self.storage.sealed_trail,
            keys=self.keys,
            unit_of_work=self.storage.unit_of_work,
            secrets=SystemSecretSource(),
            clock=self.clock,
        )
        await use_case.execute(command)
        assert file.is_kept
        return [json.loads(line) for line in file.lines]

    async def retire(self, *, months: int | None = 1, is_dry_run: bool = False) -> dict[str, str]:
        """Drop what is older; what became of each month."""
        use_case = RetireAudit(
            unit_of_work=self.storage.unit_of_work,
            keys=self.keys,
            clock=self.clock,
            retention_months=months,
        )
        retired = await use_case.execute(RetireAuditCommand(is_dry_run=is_dry_run))
        return {month.month: month.verdict.value for month in retired}
