"""The `vetassist` command. Each subcommand imports what it needs when it runs."""

import os
import re
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar
from uuid import UUID

import typer

from entrypoints.starting import (
    EXIT_DATABASE,
    EXIT_SETTINGS,
    database_fault,
    database_or_exit,
    fail,
    require_current_schema,
    say_on_stderr,
    settings_or_exit,
)

if TYPE_CHECKING:
    # At run time each command imports these itself, so that `--help` answers at once.
    from domain.secret import Secret
    from domain.service_client import ClientId, ServiceClient
    from entrypoints.container import Container
    from entrypoints.doctor.findings import Finding
    from entrypoints.settings import Settings

app = typer.Typer(
    name="vetassist",
    help="Signs Veterans in with VA.gov and keeps their VetAssist sessions.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

_EXIT_UNTOLD = 1
_EXIT_DEMO = 5
_EXIT_NOT_FOUND = 6
_EXIT_KEYS = 7
_EXIT_AUDIT = 9
_EXIT_UNWELL = 10
#: All of them are in memory at once; an export has no such bound.
_MOST_SHOWN = 10_000

user = typer.Typer(help="Let users in, or no longer.", no_args_is_help=True)
app.add_typer(user, name="user")
keys = typer.Typer(help="Look after the keys that guard VA's tokens.", no_args_is_help=True)
app.add_typer(keys, name="keys")
audit = typer.Typer(help="Seal, check and hand on the audit trail.", no_args_is_help=True)
app.add_typer(audit, name="audit")

client = typer.Typer(help="Say which back ends may act for Veterans.", no_args_is_help=True)
app.add_typer(client, name="client")

_T = TypeVar("_T")

#: What is free text may be anything: a name, an ICN, what a terminal takes for a command.
_REASON: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


def _reason(text: str) -> str:
    if _REASON.fullmatch(text) is None:
        fail(
            ["--reason must be a short code, such as `lost_device`: a-z, 0-9, `_`, `.` and `-`"],
            EXIT_SETTINGS,
        )
    return text


UserIdArgument = Annotated[UUID, typer.Argument(help="The user's id: the JWT's `sub`.")]
ClientIdArgument = Annotated[str, typer.Argument(help="The client's id.")]
Reason = Annotated[
    str,
    typer.Option(
        callback=_reason,
        help="A short code for why, such as `lost_device`; it is kept in the audit.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")]


def main() -> None:
    """Entry point of the console script."""
    app()


@app.command()
def demo() -> None:
    """Run the whole product on this machine: PostgreSQL, the simulated VA and the service."""
    from entrypoints.demo import DemoError, run_demo
    from entrypoints.storage import migrate

    try:
        with database_or_exit():
            run_demo(migrate, typer.echo)
    except DemoError as error:
        fail([str(error)], _EXIT_DEMO)


@app.command()
def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Server processes.")] = 1,
) -> None:
    """Run the service. Refuses to start on a bad setting or a schema that is behind."""
    # The server checks: both processes would have to load what that takes.
    server = [sys.executable, "-m", "entrypoints.serving.server", host, str(port), str(workers)]
    os.execv(sys.executable, server)  # noqa: S606 - the same interpreter, our own module


@app.command()
def sandbox(host: Host = "127.0.0.1", port: Port = 8001) -> None:
    """Run the simulated VA: test Veterans only, nothing is kept."""
    import uvicorn

    from entrypoints.sandbox.app import create_sandbox
    from entrypoints.sandbox.settings import settings_from
    from entrypoints.settings_reader import raw_setting

    public_url = f"http://{host}:{port}"
    settings = settings_from(lambda name: raw_setting(os.environ, name), public_url=public_url)
    uvicorn.run(
        create_sandbox(settings),
        host=host,
        port=port,
        access_log=False,
        log_level="warning",
        server_header=False,
        ws="none",
    )


@app.command()
def migrate(
    *,
    application_role: Annotated[
        str | None,
        typer.Option(
            help="A role for `serve`, other than this command's own: it is made if there is "
            "none, and may do what the service does and no more. Later runs remember it."
        ),
    ] = None,
) -> None:
    """Bring the schema of VETASSIST_DATABASE_URL up to date."""
    from entrypoints.account import account_name
    from entrypoints.settings_reader import (
        SettingsError,
        read_database_url,
        read_operator,
        read_prepared_statements,
    )
    from entrypoints.storage import migrate as apply

    try:
        database_url = read_database_url(os.environ).reveal()
        prepared_statements = read_prepared_statements(os.environ)
        operator = read_operator(os.environ) or account_name()
    except SettingsError as error:
        fail(error.faults, EXIT_SETTINGS)
    with database_or_exit():
        applied = apply(
            database_url,
            application_role=application_role,
            operator=operator,
            prepared_statements=prepared_statements,
        )
    for migration in applied:
        typer.echo(f"applied {migration.name}")
    typer.echo("The schema is up to date.")


@app.command()
def purge(*, dry_run: DryRun = False) -> None:
    """Remove what is past its retention now, in small batches beside live traffic."""
    if dry_run:
        expired = _run(lambda container: container.purge_expired().count())
        unused = _run(lambda container: container.shred_unused_tokens().count())
        typer.echo(
            f"Would remove {expired.sessions} sessions and {expired.sign_ins} old sign-ins; "
            f"would shred the unused VA tokens of {unused} users."
        )
        return
    purged = _run(lambda container: container.purge_expired().execute())
    shredded = _run(lambda container: container.shred_unused_tokens().execute())
    _run(lambda container: container.make_audit_partitions().execute())
    typer.echo(
        f"Removed {purged.sessions} sessions and {purged.sign_ins} old sign-ins; "
        f"shredded the unused VA tokens of {shredded} users."
    )


@app.command()
def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print a report for scripts.")] = False,
) -> None:
    """Look whether everything is as it should be, and say what to do where it is not."""
    import asyncio

    from entrypoints.doctor.checks import check_settings
    from entrypoints.doctor.findings import Verdict, worst
    from entrypoints.doctor.report import as_json as in_json
    from entrypoints.doctor.report import print_table
    from entrypoints.settings_reader import SettingsError, read_settings

    _hush_pool()
    try:
        findings = asyncio.run(_examined(read_settings(os.environ)))
    except SettingsError as error:
        findings = [*check_settings(error.faults), *_schema_alone()]
    if as_json:
        typer.echo(in_json(findings))
    else:
        print_table(findings)
    if worst(findings) is Verdict.FAIL:
        sys.exit(_EXIT_UNWELL)


async def _examined(settings: "Settings") -> "list[Finding]":
    from contextlib import AbstractAsyncContextManager, AsyncExitStack
    from functools import partial

    from domain.login_attempt import LoginSecrets
    from entrypoints.container import Container
    from entrypoints.doctor.examination import Patient, examine
    from entrypoints.storage import connection_faults, pending_migrations

    container = Container(settings=settings)
    source = container.secrets()
    provider = container.identity_provider()
    database_url = settings.database_url.reveal()
    prepared = settings.database_prepared_statements
    async with AsyncExitStack() as stack:
        # Without a database, the rest is examined all the same.
        for lifetime in container.doctor_lifetimes():
            await stack.enter_async_context(lifetime)
        if isinstance(provider, AbstractAsyncContextManager):
            await stack.enter_async_context(provider)
        return await examine(
            Patient(
                settings=settings,
                pending_migrations=partial(
                    pending_migrations, database_url, prepared_statements=prepared
                ),
                connection_faults=partial(
                    connection_faults, database_url, prepared_statements=prepared
                ),
                failing=container.readiness().failing,
                vital_signs=container.vital_signs().read,
                rights=container.vital_signs().rights,
                oldest_passed_by=container.vital_signs().oldest_passed_by,
                seal_keys=container.seal_keys(),
                keys_under_older=container.rewrap_data_keys().count,
                # Nobody is sent there: it takes the metadata to say where that would be.
                ask_provider=lambda: provider.authorization_url(
                    LoginSecrets(state=source.token(), browser=source.token())
                ),
            )
        )


def _schema_alone() -> "list[Finding]":
    """What can be said of the schema while other settings cannot be used."""
    from functools import partial

    from entrypoints.doctor.examination import examine_schema
    from entrypoints.settings_reader import (
        SettingsError,
        read_database_url,
        read_prepared_statements,
    )
    from entrypoints.storage import pending_migrations

    try:
        database_url = read_database_url(os.environ).reveal()
        prepared_statements = read_prepared_statements(os.environ)
    except SettingsError:
        return []
    return examine_schema(
        partial(pending_migrations, database_url, prepared_statements=prepared_statements)
    )


@keys.command("rewrap")
def rewrap_keys(
    *,
    dry_run: DryRun = False,
) -> None:
    """Wrap every data key under the first key of VETASSIST_TOKEN_KEYS; online, and resumable."""
    from rich.progress import Progress

    from application.use_cases.va_access.rewrap_data_keys import RewrapDataKeysCommand

    total = _run(lambda container: container.rewrap_data_keys().count())
    with Progress() as progress:
        task = progress.add_task("Rewrapping", total=total)
        command = RewrapDataKeysCommand(
            is_dry_run=dry_run, on_progress=lambda done: progress.advance(task, done)
        )
        done = _run(lambda container: container.rewrap_data_keys().execute(command))
    remaining = _run(lambda container: container.rewrap_data_keys().count())
    rewrapped, upgraded = (
        ("Would rewrap", "would upgrade") if dry_run else ("Rewrapped", "upgraded")
    )
    typer.echo(
        f"{rewrapped} {done.rewrapped} data keys; {upgraded} the early tokens of {done.upgraded} "
        f"users; cannot read {done.unreadable}. Still under older master keys: {remaining}."
    )
    if done.unreadable or (remaining and not dry_run):
        fail(["older master keys are still needed: keep them"], _EXIT_KEYS)


@audit.command("seal")
def seal_audit() -> None:
    """Seal now what has been added to the audit trail; `serve` does so by itself."""
    from application.errors import CheckpointUntoldError

    try:
        sealed = _run(lambda container: container.seal_audit().execute())
    except CheckpointUntoldError as error:
        fail([f"everything is sealed, but the checkpoint could not be told: {error}"], _EXIT_UNTOLD)
    typer.echo(f"Sealed {sealed.rows} rows in {sealed.batches} batches.")


@audit.command("verify")
def verify_audit(
    *,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            readable=True,
            help="File with the checkpoints that were kept outside; unset: the file that "
            "VETASSIST_AUDIT_CHECKPOINTS names.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a report for scripts.")] = False,
) -> None:
    """Find what was altered, removed, inserted or reordered in the audit trail."""
    from application.use_cases.evidence.verify_audit import VerifyAuditCommand
    from entrypoints.audit_reports import AuditReport, CheckpointFile, progress_over

    named = checkpoint or _checkpoint_file()
    file = None if named is None else CheckpointFile(named)
    report = AuditReport(file, is_given=checkpoint is not None)
    try:
        with _readable_trail():
            total = _run(lambda container: container.verify_audit().rows_to_look_at())
            with progress_over("Verifying", total) as advance:
                command = VerifyAuditCommand(
                    checkpoints=file or (), on_rows=advance, on_finding=report.on_finding
                )
                verified = _run(lambda container: container.verify_audit().execute(command))
    except OSError as error:
        fail([f"{named}: {error.strerror}"], EXIT_SETTINGS)
    typer.echo(report.as_json(verified) if as_json else report.as_text(verified))
    if file is not None and file.odd:
        say_on_stderr(f"{named}: {file.odd} lines are no checkpoints, and were left aside")
    if report.lacks_checkpoints(verified):
        say_on_stderr(f"{named}: there is no checkpoint in it, so nothing was compared with one")
    if verified.findings:
        sys.exit(_EXIT_AUDIT)
    if report.lacks_checkpoints(verified):
        sys.exit(EXIT_SETTINGS)


@audit.command("export")
def export_audit(
    file: Annotated[Path, typer.Argument(help="Where to write; it must not be there yet.")],
    *,
    since: Annotated[
        datetime | None, typer.Option(help="Only rows from this instant on (UTC).")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(help="Only rows before this instant (UTC).")
    ] = None,
    user_id: Annotated[UUID | None, typer.Option("--user", help="Only rows of this user.")] = None,
) -> None:
    """Write sealed rows as JSON Lines, each with the proof that it was sealed."""
    from application.errors import AuditBrokenError
    from application.use_cases.evidence.export_audit import ExportAuditCommand
    from domain.identifiers import UserId
    from entrypoints.audit_reports import progress_over, written_whole

    with _readable_trail():
        total = _run(lambda container: container.export_audit().rows_to_look_at())
    try:
        with _readable_trail(), written_whole(file) as lines:
            with progress_over("Exporting", total) as advance:
                command = ExportAuditCommand(
                    since=None if since is None else since.replace(tzinfo=UTC),
                    until=None if until is None else until.replace(tzinfo=UTC),
                    user_id=None if user_id is None else UserId(user_id),
                    write=lines.write,
                    on_rows=advance,
                )
                exported = _run(lambda container: container.export_audit().execute(command))
            # On disk, so that what is on record is there; and no file where that cannot be noted.
            lines.settle()
            _run(
                lambda container: container.export_audit().note(
                    command, exported, sha256=lines.sha256
                )
            )
    except AuditBrokenError as error:
        fail(
            [f"batch {error.batch} is not as it was sealed: run `vetassist audit verify`"],
            _EXIT_AUDIT,
        )
    except OSError as error:
        fail([f"{file}: {error.strerror}"], EXIT_SETTINGS)
    typer.echo(f"Exported {exported.rows} rows and {exported.batches} batch headers to {file}.")


@audit.command("drop")
def drop_audit(
    *,
    dry_run: DryRun = False,
) -> None:
    """Drop the months past VETASSIST_AUDIT_RETENTION_MONTHS that are sealed and exported."""
    from application.errors import ForbiddenError
    from application.use_cases.evidence.retire_audit import RetireAuditCommand

    command = RetireAuditCommand(is_dry_run=dry_run)
    try:
        months = _run(lambda container: container.retire_audit().execute(command))
    except ForbiddenError:
        fail(["only the owner of the tables may drop a month"], EXIT_DATABASE)
    for month in months:
        would_be = "would be " if dry_run and month.verdict == "dropped" else ""
        typer.echo(f"{month.month}: {month.rows} rows, {would_be}{month.verdict}")
    if not months:
        typer.echo("No month is past its retention.")


@contextmanager
def _readable_trail() -> Iterator[None]:
    """Say so, and end, where a part of the audit trail is gone."""
    from application.errors import TrailUnreadableError

    try:
        yield
    except TrailUnreadableError as error:
        # What was never made is not gone.
        require_current_schema(settings_or_exit())
        fail([f"a part of the audit trail is gone: {error}"], _EXIT_AUDIT)


def _checkpoint_file() -> Path | None:
    """The file that checkpoints are told to, where they are told to one."""
    named = settings_or_exit().audit_checkpoints
    return None if named is None or named == "-" else Path(named)


@audit.command("show")
def show_audit(
    *,
    user_id: Annotated[UUID | None, typer.Option("--user", help="Only of this user.")] = None,
    since: Annotated[datetime | None, typer.Option(help="From this instant on (UTC).")] = None,
    until: Annotated[datetime | None, typer.Option(help="Before this instant (UTC).")] = None,
    types: Annotated[
        list[str] | None, typer.Option("--type", help="Only of this type; may stand repeatedly.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=_MOST_SHOWN, help="No more than this many.")
    ] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print an object a line.")] = False,
) -> None:
    """Show what the audit trail holds, newest first; that you looked is noted there."""
    from application.use_cases.evidence.show_audit import ShowAuditCommand
    from domain.audit_record import AuditFilter
    from domain.identifiers import UserId
    from entrypoints.audit_listing import as_json_lines, print_table, types_of

    try:
        wanted = AuditFilter(
            user_id=None if user_id is None else UserId(user_id),
            types=types_of(types or []),
            since=None if since is None else since.replace(tzinfo=UTC),
            until=None if until is None else until.replace(tzinfo=UTC),
        )
    except ValueError as error:
        fail([str(error)], EXIT_SETTINGS)
    command = ShowAuditCommand(wanted=wanted, limit=limit)
    shown = _run(lambda container: container.show_audit().execute(command))
    if as_json:
        for line in as_json_lines(shown.records):
            typer.echo(line)
    else:
        print_table(shown.records)
    if shown.has_more:
        say_on_stderr(f"there are more than these {limit}: narrow them down, or raise --limit")


@user.command("disable")
def disable_user(user_id: UserIdArgument, reason: Reason, *, dry_run: DryRun = False) -> None:
    """End every session of a user at once, and let them sign in no more."""
    ended = _set_user_active(user_id, reason, is_active=False, is_dry_run=dry_run)
    typer.echo(
        f"The user would be disabled; {ended} sessions would end."
        if dry_run
        else f"The user is disabled; {ended} sessions ended."
    )


@user.command("enable")
def enable_user(user_id: UserIdArgument, reason: Reason) -> None:
    """Let a user sign in again."""
    _set_user_active(user_id, reason, is_active=True)
    typer.echo("The user may sign in again.")


@user.command("sign-out")
def sign_out_user(user_id: UserIdArgument, reason: Reason, *, dry_run: DryRun = False) -> None:
    """End every session of a user at once; they may sign in again."""
    from application.use_cases.operations.sign_out_user import SignOutUserCommand
    from domain.identifiers import UserId

    command = SignOutUserCommand(user_id=UserId(user_id), reason=reason, is_dry_run=dry_run)
    ended = _of_user(lambda container: container.sign_out_user().execute(command))
    typer.echo(f"{ended} sessions {'would end' if dry_run else 'ended'}.")


def _set_user_active(
    user_id: UUID, reason: str, *, is_active: bool, is_dry_run: bool = False
) -> int:
    from application.use_cases.operations.set_user_active import SetUserActiveCommand
    from domain.identifiers import UserId

    command = SetUserActiveCommand(
        user_id=UserId(user_id), is_active=is_active, reason=reason, is_dry_run=is_dry_run
    )
    return _of_user(lambda container: container.set_user_active().execute(command))


def _of_user(use: "Callable[[Container], Coroutine[object, object, _T]]") -> _T:
    """Run a use case of one user that may be none."""
    from application.errors import NotFoundError

    try:
        return _run(use)
    except NotFoundError:
        fail(["there is no such user"], _EXIT_NOT_FOUND)


@client.command("add")
def add_client(
    name: Annotated[str, typer.Argument(help="What Veterans see the back end by.")],
    purpose: Annotated[list[str], typer.Option(help="What it may use VA's tokens for.")],
    scope: Annotated[list[str], typer.Option(help="A scope of VA's that it may ask for.")],
    *,
    public_key: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Its public key: PEM or a JWK."),
    ] = None,
    secret: Annotated[
        bool, typer.Option("--secret", help="Give it a secret instead, shown this once.")
    ] = False,
) -> None:
    """Register a back end. It proves who it is by a key of its own, or by a secret of ours."""
    from application.use_cases.clients.add_client import AddClientCommand
    from domain.va_token_use import TokenPurpose

    if (public_key is None) is not secret:
        fail(["give either --public-key or --secret"], EXIT_SETTINGS)
    unknown = set(purpose) - set(TokenPurpose)
    if unknown:
        names = ", ".join(each.value for each in TokenPurpose)
        fail([f"--purpose must be one of: {names}"], EXIT_SETTINGS)
    command = AddClientCommand(
        name=name,
        purposes=frozenset(TokenPurpose(each) for each in purpose),
        scopes=frozenset(scope),
        public_key=None if public_key is None else _text_of(public_key),
    )
    added = _of_client(lambda container: container.add_client().execute(command))
    typer.echo(f"client_id: {added.client.id}")
    _show_credential(added.client, added.secret)


@client.command("rotate-secret")
def rotate_client_secret(client_id: ClientIdArgument) -> None:
    """Give a back end a new secret, shown this once; the one before stays good for now."""
    _rotate(client_id, None)


@client.command("rotate-key")
def rotate_client_key(
    client_id: ClientIdArgument,
    public_key: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="The new public key: PEM or a JWK.")
    ],
) -> None:
    """Add a back end's new public key; the one before stays good for now."""
    _rotate(client_id, _text_of(public_key))


@client.command("retire")
def retire_client_credential(client_id: ClientIdArgument) -> None:
    """Refuse all but a back end's newest secret or key from its next request on."""
    known = _client_id(client_id)
    changed = _of_client(lambda container: container.rotate_client_credential().retire(known))
    typer.echo("Only the newest one is good." if changed else "There was no other one.")


def _rotate(client_id: str, public_key: str | None) -> None:
    from application.use_cases.clients.rotate_client_credential import RotateClientCredentialCommand

    command = RotateClientCredentialCommand(client_id=_client_id(client_id), public_key=public_key)
    rotated = _of_client(lambda container: container.rotate_client_credential().execute(command))
    _show_credential(rotated.client, rotated.secret)


def _show_credential(client: "ServiceClient", secret: "Secret | None") -> None:
    """What the back end is told of its newest credential."""
    if secret is not None:
        typer.echo(f"client_secret: {secret.reveal()}")
        say_on_stderr("the secret is shown this once: keep it where the back end reads it")
    for key in client.keys[:1]:
        typer.echo(f"kid: {key.id}")
        typer.echo(f"alg: {key.algorithm.value}")


@client.command("list")
def list_clients(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show every registered back end, disabled ones included."""
    import json

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    clients = _run(lambda container: container.list_clients().execute())
    if as_json:
        typer.echo(json.dumps([_shown(each) for each in clients], indent=2))
        return
    table = Table()
    for heading in ("Name", "Client", "Method", "Purposes", "Scopes", "Disabled"):
        # An id is there to be copied: it stands on one line, and the others make room for it.
        is_id = heading == "Client"
        table.add_column(
            heading, overflow="fold", no_wrap=is_id, min_width=_ID_WIDTH if is_id else None
        )
    for each in clients:
        # As text: a name may hold what rich would take for markup.
        table.add_row(
            Text(each.name),
            str(each.id),
            each.method.value,
            "\n".join(sorted(each.purposes)),
            Text("\n".join(sorted(each.scopes))),
            "" if each.disabled_at is None else f"{each.disabled_at:%Y-%m-%d %H:%M} UTC",
        )
    Console().print(table)


_ID_WIDTH = 36


def _shown(client: "ServiceClient") -> dict[str, object]:
    disabled_at = client.disabled_at
    return {
        "client_id": str(client.id),
        "name": client.name,
        "method": client.method.value,
        "purposes": sorted(client.purposes),
        "scopes": sorted(client.scopes),
        "keys": [key.id for key in client.keys],
        "created_at": client.created_at.isoformat(),
        "disabled_at": None if disabled_at is None else disabled_at.isoformat(),
    }


@client.command("disable")
def disable_client(client_id: ClientIdArgument, reason: Reason) -> None:
    """Refuse a back end from its next request on, for good."""
    from application.use_cases.clients.disable_client import DisableClientCommand

    command = DisableClientCommand(client_id=_client_id(client_id), reason=reason)
    changed = _of_client(lambda container: container.disable_client().execute(command))
    typer.echo("The client is disabled." if changed else "The client was disabled before.")


def _client_id(text: str) -> "ClientId":
    from domain.service_client import parse_client_id

    known = parse_client_id(text)
    if known is None:
        fail(["there is no such client"], _EXIT_NOT_FOUND)
    return known


def _of_client(use: "Callable[[Container], Coroutine[object, object, _T]]") -> _T:
    """Run a use case of one client that may be none, or may not be changed like this."""
    from application.errors import NotFoundError
    from domain.errors import InvalidServiceClientError

    try:
        return _run(use)
    except NotFoundError:
        fail(["there is no such client"], _EXIT_NOT_FOUND)
    except InvalidServiceClientError as error:
        fail([str(error)], EXIT_SETTINGS)


def _text_of(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeError):
        fail([f"{path}: the file cannot be read as text"], EXIT_SETTINGS)


def _run(use: "Callable[[Container], Coroutine[object, object, _T]]") -> _T:
    """Run one use case of an open container."""
    import asyncio
    from contextlib import AsyncExitStack

    import psycopg

    from application.errors import UnavailableError
    from entrypoints.account import account_name
    from entrypoints.container import Container

    _hush_pool()
    settings = settings_or_exit()
    operator = settings.operator or account_name()

    async def run() -> _T:
        container = Container(settings=settings, operator=operator)
        async with AsyncExitStack() as stack:
            for lifetime in container.command_lifetimes():
                await stack.enter_async_context(lifetime)
            return await use(container)

    try:
        return asyncio.run(run())
    except UnavailableError:
        fail(["the database does not answer"], EXIT_DATABASE)
    except psycopg.Error as error:
        require_current_schema(settings)
        fail([database_fault(error)], EXIT_DATABASE)


def _hush_pool() -> None:
    """What the pool says of a database that is away is said by the command, once."""
    import logging

    for name in ("psycopg", "vetassist.database"):
        logging.getLogger(name).setLevel(logging.ERROR)


if __name__ == "__main__":
    main()
