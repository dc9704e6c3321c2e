"""What the store holds apart from its lines on strangers."""

from adapters.memory.store import MemoryTables
from domain.audit_event import AuditEventType
from tests.support.product import Product


def but_for_strangers(product: Product) -> MemoryTables:
    """A copy of everything, without the lines on refresh tokens that name no session."""
    tables = product.store.committed.copy()
    tables.audit[:] = [
        event
        for event in tables.audit
        if event.type is not AuditEventType.SESSION_RENEW_REFUSED or event.user_id is not None
    ]
    return tables
