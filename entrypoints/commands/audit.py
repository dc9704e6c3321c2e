"""`vetassist audit`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final
from uuid import UUID

import typer

from entrypoints.commands.parameters import (
    AsJSON,
    DryRun,
    OfSession,
    OfUser,
    Since,
    Until,
    clean_text,
    id_of,
    require_order,
    whole_number,
)
from entrypoints.commands.strict import StrictTyper
from entrypoints.starting import (
    EXIT_AUDIT,
    EXIT_CHECKPOINT,
    EXIT_DATABASE,
    EXIT_SETTINGS,
    fail,
    print_on_stderr,
    require_current_schema,
    settings_or_exit,
)

if TYPE_CHECKING:
    from application.use_cases.evidence.export_audit import AuditExported
    from application.use_cases.evidence.verify_audit import AuditVerified
    from entrypoints.container import Container
    from entrypoints.settings import Settings

#: All of them are in memory at the same time. An export has no such limit.
_MOST_SHOWN: Final = 10_000


def _operator(text: str | None) -> str | None:
    if text is not None and not text.strip():
        fail(["--operator must not be empty"], EXIT_SETTINGS)
    return clean_text(text)


def _whole_reference(text: str | None) -> str | None:
    from domain.user_search import is_reference

    if clean_text(text) is None:
        return None
    reference = (text or "").strip().lower()
    if not is_reference(reference):
        fail(["--reference must be a whole one, such as 0baadf123456-1a"], EXIT_SETTINGS)
    return reference


app = StrictTyper(help="Seal, verify, export and show the audit trail.", no_args_is_help=True)


@app.command()
def seal() -> None:
    """Seal the events that aren't sealed yet. `serve` does this by itself."""
    from application.errors import CheckpointUntoldError
    from entrypoints.commands.running import run

    try:
        sealed = run(lambda container: container.seal_audit().execute())
    except CheckpointUntoldError as error:
        fail(
            [f"everything is sealed, but the checkpoint could not be written: {error}"],
            EXIT_CHECKPOINT,
        )
    typer.echo(f"Sealed {sealed.rows} rows in {sealed.batches} batches.")


@app.command()
def verify(
    *,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            readable=True,
            help="File with checkpoints that were kept outside. Repeatable: all files are used. "
            "Default: the file that VETASSIST_AUDIT_CHECKPOINTS names.",
        ),
    ] = None,
    as_json: AsJSON = False,
) -> None:
    """Find events that were changed, removed, inserted or reordered."""
    from application.use_cases.evidence.verify_audit import VerifyAuditCommand
    from entrypoints.checkpoint_file import CheckpointFile, UnreadableFileError
    from entrypoints.commands.audit_reports import AuditReport, progress_over
    from entrypoints.commands.running import run

    settings = settings_or_exit()
    files = [CheckpointFile(path) for path in checkpoint or _checkpoint_files(settings)]
    report = AuditReport(files, is_given=bool(checkpoint))

    async def work(container: "Container") -> "AuditVerified":
        use_case = container.verify_audit()
        total = await use_case.count()
        with progress_over("Verifying", total) as advance:
            command = VerifyAuditCommand(
                checkpoints=chain.from_iterable(files),
                on_rows=advance,
                on_finding=report.on_finding,
            )
            return await use_case.execute(command)

    try:
        with _readable_trail(settings):
            verified = run(work, settings)
    except UnreadableFileError as error:
        fail([str(error)], EXIT_SETTINGS)
    typer.echo(report.as_json(verified) if as_json else report.as_text(verified))
    for file in files:
        if file.odd:
            print_on_stderr(f"{file.path}: skipped {file.odd} lines that are not checkpoints")
    lacking = report.lacking(verified)
    for file in lacking:
        print_on_stderr(f"{file.path}: the file has no checkpoint, so nothing was compared with it")
    if verified.findings:
        sys.exit(EXIT_AUDIT)
    if lacking:
        sys.exit(EXIT_SETTINGS)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where to write. The file must not exist.")],
    *,
    since: Since = None,
    until: Until = None,
    user_id: OfUser = None,
) -> None:
    """Write sealed rows as JSON Lines, each with the proof that it was sealed."""
    from application.errors import AuditBrokenError
    from application.use_cases.evidence.export_audit import ExportAuditCommand
    from domain.identifiers import UserId
    from entrypoints.commands.audit_reports import progress_over
    from entrypoints.commands.running import run

    require_order(since, until)

    async def work(container: "Container") -> "AuditExported":
        use_case = container.export_audit()
        total = await use_case.count()
        with progress_over("Exporting", total) as advance:
            command = ExportAuditCommand(
                since=since,
                until=until,
                user_id=None if user_id is None else UserId(user_id),
                file=container.export_file()(file),
                on_rows=advance,
            )
            return await use_case.execute(command)

    settings = settings_or_exit()
    try:
        with _readable_trail(settings):
            exported = run(work, settings)
    except AuditBrokenError as error:
        fail(
            [f"batch {error.batch} is not as it was sealed: run `vetassist audit verify`"],
            EXIT_AUDIT,
        )
    except OSError as error:
        fail([f"{file}: {error.strerror}"], EXIT_SETTINGS)
    typer.echo(f"Exported {exported.rows} rows and {exported.batches} batch headers to {file}.")


@app.command()
def drop(*, dry_run: DryRun = False) -> None:
    """Drop sealed and exported months that are older than VETASSIST_AUDIT_RETENTION_MONTHS."""
    from application.errors import ForbiddenError
    from application.use_cases.evidence.retire_audit import MonthVerdict, RetireAuditCommand
    from entrypoints.commands.running import run

    command = RetireAuditCommand(is_dry_run=dry_run)
    try:
        months = run(lambda container: container.retire_audit().execute(command))
    except ForbiddenError:
        fail(["only the owner of the tables may drop a month"], EXIT_DATABASE)
    for month in months:
        would_be = "would be " if dry_run and month.verdict is MonthVerdict.DROPPED else ""
        typer.echo(f"{month.month}: {month.rows} rows, {would_be}{month.verdict}")
    if not months:
        typer.echo("No month is past its retention.")


@app.command()
def show(
    *,
    user_id: OfUser = None,
    since: Since = None,
    until: Until = None,
    types: Annotated[
        list[str] | None, typer.Option("--type", help="Only events of this type. Repeatable.")
    ] = None,
    operator: Annotated[
        str | None,
        typer.Option(callback=_operator, help="Only rows of commands that this operator ran."),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            callback=_whole_reference,
            help="Only rows of the request with this id, which error pages show as a reference.",
        ),
    ] = None,
    session_id: OfSession = None,
    client_id: Annotated[
        UUID | None,
        typer.Option("--client", parser=id_of, help="Only rows that concern this client."),
    ] = None,
    limit: Annotated[
        int,
        typer.Option(
            parser=whole_number(1, _MOST_SHOWN),
            metavar="NUMBER",
            help="At most this many events, 1 to 10,000.",
        ),
    ] = 100,
    as_json: AsJSON = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print CSV, for spreadsheet programs.")
    ] = False,
) -> None:
    """Show events of the audit trail, newest first. The trail records that you looked."""
    from application.use_cases.evidence.show_audit import ShowAuditCommand
    from domain.audit_record import AuditFilter
    from domain.identifiers import SessionId, UserId
    from domain.service_client import ClientId
    from entrypoints.commands import audit_listing
    from entrypoints.commands.running import run

    if as_json and as_csv:
        fail(["give either --json or --csv"], EXIT_SETTINGS)
    require_order(since, until)
    try:
        wanted = AuditFilter(
            user_id=None if user_id is None else UserId(user_id),
            types=audit_listing.types_of(types or []),
            since=since,
            until=until,
            operator=operator,
            reference=reference,
            session_id=None if session_id is None else SessionId(session_id),
            client_id=None if client_id is None else ClientId(client_id),
        )
    except ValueError as error:
        fail([str(error)], EXIT_SETTINGS)
    command = ShowAuditCommand(wanted=wanted, limit=limit)
    shown = run(lambda container: container.show_audit().execute(command))
    if as_json:
        for line in audit_listing.as_json_lines(shown.records):
            typer.echo(line)
    elif as_csv:
        for row in audit_listing.as_csv(shown.records):
            typer.echo(row, nl=False)
    else:
        audit_listing.print_table(shown.records)
    if not shown.records:
        print_on_stderr("no event matches")
    if shown.has_more:
        print_on_stderr(f"there are more than these {limit}: narrow them down, or raise --limit")


@contextmanager
def _readable_trail(settings: "Settings") -> Iterator[None]:
    """Exit with one line if a part of the audit trail is gone."""
    from application.errors import TrailUnreadableError

    try:
        yield
    except TrailUnreadableError as error:
        # A table that was never created isn't gone.
        require_current_schema(settings)
        fail([f"a part of the audit trail is gone: {error}"], EXIT_AUDIT)


def _checkpoint_files(settings: "Settings") -> list[Path]:
    """The file that `serve` writes checkpoints to, if it writes them to a file."""
    named = settings.audit_checkpoints
    return [] if named is None or named == "-" else [Path(named)]
