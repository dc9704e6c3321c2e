"""`vetassist user`."""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, TypeVar

import typer

from entrypoints.commands.parameters import DryRun, Reason, UserIdArgument
from entrypoints.starting import EXIT_NOT_FOUND, fail

if TYPE_CHECKING:
    from entrypoints.container import Container

_T = TypeVar("_T")

app = typer.Typer(help="Manage user accounts.", no_args_is_help=True)


@app.command()
def disable(user_id: UserIdArgument, reason: Reason, *, dry_run: DryRun = False) -> None:
    """Disable a user: end all their sessions at once, and refuse new sign-ins."""
    from application.use_cases.operations.disable_user import DisableUserCommand
    from domain.identifiers import UserId

    command = DisableUserCommand(user_id=UserId(user_id), reason=reason, is_dry_run=dry_run)
    ended = _run_for_user(lambda container: container.disable_user().execute(command))
    typer.echo(
        f"The user would be disabled; {ended} sessions would end."
        if dry_run
        else f"The user is disabled; {ended} sessions ended."
    )


@app.command()
def enable(user_id: UserIdArgument, reason: Reason) -> None:
    """Enable a user, who can then sign in again."""
    from application.use_cases.operations.enable_user import EnableUserCommand
    from domain.identifiers import UserId

    command = EnableUserCommand(user_id=UserId(user_id), reason=reason)
    _run_for_user(lambda container: container.enable_user().execute(command))
    typer.echo("The user may sign in again.")


@app.command("sign-out")
def sign_out(user_id: UserIdArgument, reason: Reason, *, dry_run: DryRun = False) -> None:
    """End all sessions of a user at once. The user can sign in again."""
    from application.use_cases.operations.sign_out_user import SignOutUserCommand
    from domain.identifiers import UserId

    command = SignOutUserCommand(user_id=UserId(user_id), reason=reason, is_dry_run=dry_run)
    ended = _run_for_user(lambda container: container.sign_out_user().execute(command))
    typer.echo(f"{ended} sessions {'would end' if dry_run else 'ended'}.")


def _run_for_user(work: "Callable[[Container], Coroutine[object, object, _T]]") -> _T:
    """Run a use case, and exit if the user doesn't exist."""
    from application.errors import NotFoundError
    from entrypoints.commands.running import run

    try:
        return run(work)
    except NotFoundError:
        fail(["there is no such user"], EXIT_NOT_FOUND)
