"""The seals of the audit trail, in memory."""

import json
from collections.abc import Sequence
from typing import final

from adapters.memory.store import MemoryTables
from application.errors import ConflictError
from application.ports.audit_seals import AuditSeals
from domain.audit_event import AuditEvent
from domain.audit_seal import SealedBatch, SealedLeaf
from domain.trail_row import Place, TrailRow, UnsealedRows


@final
class MemoryAuditSeals(AuditSeals):
    """Reads and writes the draft of one unit of work. Rows are numbered in insertion order."""

    def __init__(self, draft: MemoryTables) -> None:
        self._draft = draft

    async def take_turn(self) -> bool:
        # In-memory units of work already run one at a time.
        return True

    async def newest(self) -> SealedBatch | None:
        batches = self._draft.audit_batches
        return batches[max(batches)] if batches else None

    async def unsealed(self, *, after: SealedBatch | None, limit: int) -> UnsealedRows | None:
        begin = 0 if after is None else after.header.horizon.row
        events = self._draft.audit[begin : begin + limit]
        if not events:
            return None
        month = month_of(events[0])
        rows = []
        for number, event in enumerate(events, start=begin + 1):
            if month_of(event) != month:
                break
            place = Place(transaction=0, row=number)
            rows.append(TrailRow(place=place, content=content_of(event, number)))
        return UnsealedRows(rows=rows, month=month, horizon=rows[-1].place)

    async def add(self, batch: SealedBatch, leaves: Sequence[SealedLeaf]) -> None:
        sealed = {leaf.place.row for others in self._draft.audit_leaves.values() for leaf in others}
        if batch.header.number in self._draft.audit_batches or any(
            leaf.place.row in sealed for leaf in leaves
        ):
            raise ConflictError("vetassist_audit_batches")
        self._draft.audit_batches[batch.header.number] = batch
        self._draft.audit_leaves[batch.header.number] = tuple(leaves)


def month_of(event: AuditEvent) -> str:
    """Returns the month of an event, such as ``2026-01``."""
    return f"{event.occurred_at:%Y-%m}"


def content_of(event: AuditEvent, number: int) -> bytes:
    """Returns a canonical encoding of all fields of an event."""
    visitor = event.visitor
    facts = {
        "row_number": number,
        "event_type": event.type.value,
        "created_at": event.occurred_at.isoformat(),
        "user_id": None if event.user_id is None else str(event.user_id),
        "event_data": dict(event.data),
        "ip_hash": visitor.address_hash,
        "user_agent_hash": visitor.user_agent_hash,
        "hash_key_id": visitor.key_id,
        "request_id": visitor.request_id,
        "operator": visitor.operator,
    }
    known = {name: value for name, value in facts.items() if value is not None}
    return json.dumps(known, sort_keys=True, separators=(",", ":")).encode()
