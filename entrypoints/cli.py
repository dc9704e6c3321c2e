"""The `vetassist` command, put together from the modules of `commands`.

Each command imports what it needs when it runs, so that `--help` is fast.
"""

import sys
from io import TextIOWrapper

from entrypoints.commands import (
    audit,
    client,
    doctor,
    front_end,
    keys,
    migrate,
    purge,
    servers,
    user,
)
from entrypoints.commands.strict import StrictTyper

app = StrictTyper(
    name="vetassist",
    help="Signs Veterans in with VA.gov and keeps their VetAssist sessions.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    servers.demo,
    servers.serve,
    servers.console,
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
app.add_typer(front_end.app, name="front-end")


def main() -> None:
    """Entry point of the console script."""
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding doesn't have must not end a command.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    app()


if __name__ == "__main__":
    main()
