"""Partitions are made ahead of the months."""

import pytest

from adapters.memory.audit_partitions import MemoryAuditPartitions
from adapters.memory.unit_of_work import MemoryUnitOfWork
from application.use_cases.evidence.make_audit_partitions import MakeAuditPartitions
from tests.support.storage import memory_storage


async def test_it_says_how_many_were_made_and_keeps_them(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []

    async def make_ahead(_self: MemoryAuditPartitions) -> int:
        steps.append("made")
        return 4

    async def commit(_self: MemoryUnitOfWork) -> None:
        steps.append("committed")

    monkeypatch.setattr(MemoryAuditPartitions, "make_ahead", make_ahead)
    monkeypatch.setattr(MemoryUnitOfWork, "commit", commit)
    use_case = MakeAuditPartitions(unit_of_work=memory_storage().unit_of_work)
    assert await use_case.execute() == 4
    assert steps == ["made", "committed"]
