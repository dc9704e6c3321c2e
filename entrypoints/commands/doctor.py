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
    from functools import partial

    from domain.login_attempt import LoginSecrets
    from entrypoints import storage
    from entrypoints.container import Container
    from entrypoints.doctor.examination import Patient, examine

    container = Container(settings=settings)
    source = container.secrets()
    provider = container.identity_provider()
    database_url = settings.database_url.reveal()
    prepared = settings.database_prepared_statements
    async with AsyncExitStack() as stack:
        # These go on without a database, so that the rest is examined.
        for lifetime in container.doctor_lifetimes():
            await stack.enter_async_context(lifetime)
        if isinstance(provider, AbstractAsyncContextManager):
            await stack.enter_async_context(provider)
        return await examine(
            Patient(
                settings=settings,
                pending_migrations=partial(
                    storage.pending_migrations, database_url, prepared_statements=prepared
                ),
                connection_faults=partial(
                    storage.connection_faults, database_url, prepared_statements=prepared
                ),
                failing=container.readiness().failing,
                vital_signs=container.vital_signs().read,
                rights=container.vital_signs().rights,
                oldest_passed_by=container.vital_signs().oldest_passed_by,
                seal_keys=container.seal_keys(),
                keys_under_older=container.rewrap_data_keys().count,
                # No browser goes to this URL. Building it needs the provider's metadata.
                ask_provider=lambda: provider.authorization_url(
                    LoginSecrets(state=source.token(), browser=source.token())
                ),
                check_client=container.client_check().check,
            )
        )


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
