"""Acts: the trail itself."""

from datetime import timedelta

from adapters.memory.export_file import MemoryExportFile
from application.use_cases.evidence.export_audit import ExportAuditCommand
from application.use_cases.evidence.retire_audit import RetireAuditCommand
from application.use_cases.evidence.show_audit import ShowAuditCommand
from domain.audit_event import AuditEventType
from domain.audit_record import AuditFilter
from tests.support.audited_acts.acts import Scene, act
from tests.support.service import Service


async def _export(service: Service) -> None:
    command = ExportAuditCommand(file=MemoryExportFile(), on_rows=lambda _rows: None)
    await service.container.export_audit().execute(command)


@act("export_audit", AuditEventType.AUDIT_EXPORTED)
async def the_trail_is_exported(service: Service) -> Scene:
    await service.sign_in()
    await service.container.seal_audit().execute()
    return Scene(happen=lambda: _export(service))


@act("retire_audit", AuditEventType.AUDIT_DROPPED, by_owner=True)
async def a_month_of_the_trail_is_dropped(service: Service) -> Scene:
    await service.sign_in()
    await service.container.seal_audit().execute()
    service.clock.advance(timedelta(days=75))
    await _export(service)
    service.container.retire_audit.add_kwargs(retention_months=1)
    command = RetireAuditCommand(is_dry_run=False)
    return Scene(happen=lambda: service.container.retire_audit().execute(command))


@act("show_audit", AuditEventType.AUDIT_SHOWN)
async def an_operator_looks_at_what_happened_to_a_user(service: Service) -> Scene:
    user_id = (await service.sign_in()).grant.session.user_id
    command = ShowAuditCommand(wanted=AuditFilter(user_id=user_id), limit=1)
    return Scene(happen=lambda: service.container.show_audit().execute(command), user_id=user_id)
