"""`vetassist migrate`."""

from typing import Annotated

import typer

from entrypoints.commands.parameters import clean_text
from entrypoints.starting import database_or_exit, part_or_exit


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
    from entrypoints.settings_reader import DatabaseSettings

    settings = part_or_exit(DatabaseSettings)
    with database_or_exit():
        applied = storage.migrate(
            settings.database_url.reveal(),
            application_role=application_role,
            operator=settings.operator or account_name(),
            prepared_statements=settings.database_prepared_statements,
        )
    for migration in applied:
        typer.echo(f"applied {migration.name}")
    typer.echo("The schema is up to date.")
