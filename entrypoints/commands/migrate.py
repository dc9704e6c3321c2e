"""`vetassist migrate`."""

import os
from typing import Annotated

import typer

from entrypoints.commands.parameters import clean_text
from entrypoints.starting import EXIT_SETTINGS, database_or_exit, fail


def migrate(
    *,
    application_role: Annotated[
        str | None,
        typer.Option(
            callback=clean_text,
            help="A role for `serve`, other than the role of this command. It is created if "
            "it doesn't exist, and gets only the rights that the service needs. Later runs "
            "remember it.",
        ),
    ] = None,
) -> None:
    """Migrate the schema of VETASSIST_DATABASE_URL to this version."""
    from entrypoints import storage
    from entrypoints.commands.account import account_name
    from entrypoints.settings_reader import (
        SettingsError,
        read_database_url,
        read_operator,
        read_prepared_statements,
    )

    try:
        database_url = read_database_url(os.environ).reveal()
        prepared_statements = read_prepared_statements(os.environ)
        operator = read_operator(os.environ) or account_name()
    except SettingsError as error:
        fail(error.faults, EXIT_SETTINGS)
    with database_or_exit():
        applied = storage.migrate(
            database_url,
            application_role=application_role,
            operator=operator,
            prepared_statements=prepared_statements,
        )
    for migration in applied:
        typer.echo(f"applied {migration.name}")
    typer.echo("The schema is up to date.")
