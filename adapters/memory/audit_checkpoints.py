"""Checkpoints of the audit trail, in memory."""

import json
from typing import final

from application.ports.audit_checkpoints import AuditCheckpoints
from domain.audit_seal import SealedBatch


@final
class MemoryAuditCheckpoints(AuditCheckpoints):
    """Stores the checkpoint lines in a list."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    async def tell(self, batch: SealedBatch) -> None:
        self.lines.append(json.dumps(batch.to_record()))
