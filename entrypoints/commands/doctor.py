"""`vetassist doctor`."""

import os
import sys
from typing import TYPE_CHECKING

import typer

from entrypoints.commands.parameters import AsJSON
from entrypoints.starting import EXIT_UNHEALTHY

if TYPE_CHECKING:
    from entrypoints.doctor.findings import Finding
    from entrypoints.settings import Settings


def doctor(*, as_json: AsJSON = False) -> None:
    """Check settings, database and VA, and say what to do about each finding."""
    import asyncio

    from entrypoints.doctor.checks import check_settings
    from entrypoints.doctor.findings import Verdict, worst
    from entrypoints.doctor.report import as_json as in_json
    from entrypoints.doctor.report import print_report
    from entrypoints.settings_reader import SettingsError, read_settings
    from entrypoints.storage import quiet_logs

    quiet_logs()
    try:
        findings = asyncio.run(_examined(read_settings(os.environ)))
    except SettingsError as error:
        findings = [*check_settings(error.faults), *_schema_findings()]
    if as_json:
        typer.echo(in_json(findings))
    else:
        print_report(findings)
    if worst(findings) is Verdict.FAIL:
        sys.exit(EXIT_UNHEALTHY)


async def _examined(settings: "Settings") -> "list[Finding]":
    from contextlib import AbstractAsyncContextManager, AsyncExitStack

    from entrypoints.container import Container
    from entrypoints.doctor.examination import examine

    container = Container(settings=settings)
    provider = container.identity_provider()
    async with AsyncExitStack() as stack:
        # These go on without a database, so that the rest is examined.
        for lifetime in container.doctor_lifetimes():
            await stack.enter_async_context(lifetime)
        if isinstance(provider, AbstractAsyncContextManager):
            await stack.enter_async_context(provider)
        return await examine(container.patient())


def _schema_findings() -> "list[Finding]":
    """The findings about the schema while other settings are unusable."""
    from functools import partial

    from entrypoints.doctor.examination import examine_schema
    from entrypoints.settings_reader import DatabaseSettings, SettingsError, read_part
    from entrypoints.storage import pending_migrations

    try:
        settings = read_part(os.environ, DatabaseSettings, refuses_unknown=False)
    except SettingsError:
        return []
    return examine_schema(
        partial(
            pending_migrations,
            settings.database_url.reveal(),
            prepared_statements=settings.database_prepared_statements,
        )
    )
