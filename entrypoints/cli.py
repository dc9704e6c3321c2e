"""The `vetassist` command, put together from the modules of `commands`.

Each command imports what it needs when it runs, so that `--help` is fast.
"""

import typer

from entrypoints.commands import audit, client, doctor, keys, migrate, purge, servers, user

app = typer.Typer(
    name="vetassist",
    help="Signs Veterans in with VA.gov and keeps their VetAssist sessions.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    servers.demo,
    servers.serve,
    servers.sandbox,
    migrate.migrate,
    purge.purge,
    doctor.doctor,
):
    app.command()(command)
app.add_typer(user.app, name="user")
app.add_typer(keys.app, name="keys")
app.add_typer(audit.app, name="audit")
app.add_typer(client.app, name="client")


def main() -> None:
    """Entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
