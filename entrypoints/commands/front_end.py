"""`vetassist front-end`."""

import json
from collections.abc import Callable, Coroutine
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from entrypoints.commands.parameters import (
    AsJSON,
    DryRun,
    Reason,
    clean_text,
    whole_number,
)
from entrypoints.commands.strict import StrictTyper
from entrypoints.starting import EXIT_NOT_FOUND, EXIT_SETTINGS, fail

if TYPE_CHECKING:
    from domain.front_end import FrontEnd, FrontEndId, SessionDelivery
    from entrypoints.container import Container

_T = TypeVar("_T")
_MOST_MINUTES: Final = 365 * 24 * 60


class Delivery(StrEnum):
    """How `/va-success` gets the session. The same words as in the settings."""

    QUERY = "query"
    FRAGMENT = "fragment"
    CODE = "code"
    COOKIE = "cookie"


def _minutes_option(least: int, text: str) -> Any:
    return typer.Option(parser=whole_number(least, _MOST_MINUTES), metavar="NUMBER", help=text)


FrontEndIdArgument = Annotated[
    str, typer.Argument(callback=clean_text, help="The front end's id, as `add` printed it.")
]
Name = Annotated[str | None, typer.Option(callback=clean_text, help="The name that Veterans see.")]

app = StrictTyper(help="Manage the front ends that Veterans sign in from.", no_args_is_help=True)


@app.command()
def add(
    name: Annotated[str, typer.Argument(callback=clean_text, help="The name that Veterans see.")],
    url: Annotated[
        str,
        typer.Option(callback=clean_text, help="Where its /va-success and /va-error are."),
    ],
    *,
    delivery: Annotated[
        Delivery | None, typer.Option(help="How it gets sessions. Default: that of the settings.")
    ] = None,
    idle_minutes: Annotated[
        int | None, _minutes_option(1, "Its own idle limit, within the service's.")
    ] = None,
    absolute_minutes: Annotated[
        int | None, _minutes_option(1, "Its own absolute limit, within the service's.")
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJSON = False,
) -> None:
    """Register one more front end, and print its id."""
    from application.use_cases.front_ends.add_front_end import AddFrontEndCommand

    command = AddFrontEndCommand(
        name=name,
        url=_url(url),
        delivery=_delivery(delivery),
        idle=_limit(idle_minutes),
        absolute=_limit(absolute_minutes),
        is_dry_run=dry_run,
    )
    front_end = _run(lambda container: container.add_front_end().execute(command))
    if as_json:
        _print_json(front_end, changed=True, dry_run=dry_run)
    elif dry_run:
        typer.echo("The front end would be registered.")
    else:
        typer.echo(f"front_end_id: {front_end.id}")


@app.command("list")
def list_all(*, as_json: AsJSON = False) -> None:
    """Show all front ends: first that of the settings, and then the others, also disabled ones."""
    from entrypoints.commands.front_end_listing import listed_fields_of, print_table

    front_ends = _run(lambda container: container.list_front_ends().execute())
    if as_json:
        typer.echo(json.dumps([listed_fields_of(each) for each in front_ends], indent=2))
    else:
        print_table(front_ends)


@app.command()
def show(front_end_id: FrontEndIdArgument, *, as_json: AsJSON = False) -> None:
    """Show one front end."""
    from entrypoints.commands.front_end_listing import listed_fields_of, print_one

    wanted = _known_id(front_end_id)
    front_ends = _run(lambda container: container.list_front_ends().execute())
    found = [each for each in front_ends if each.front_end.id == wanted]
    if not found:
        fail(["there is no such front end"], EXIT_NOT_FOUND)
    if as_json:
        typer.echo(json.dumps(listed_fields_of(found[0]), indent=2))
    else:
        print_one(found[0])


@app.command()
def change(
    front_end_id: FrontEndIdArgument,
    reason: Reason,
    *,
    name: Name = None,
    url: Annotated[
        str | None,
        typer.Option(callback=clean_text, help="Where its /va-success and /va-error are."),
    ] = None,
    delivery: Annotated[Delivery | None, typer.Option(help="How it gets sessions.")] = None,
    idle_minutes: Annotated[
        int | None, _minutes_option(0, "Its own idle limit. 0: the service's.")
    ] = None,
    absolute_minutes: Annotated[
        int | None, _minutes_option(0, "Its own absolute limit. 0: the service's.")
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJSON = False,
) -> None:
    """Change a front end. What isn't given stays as it is."""
    from application.use_cases.front_ends.change_front_end import ChangeFrontEndCommand

    command = ChangeFrontEndCommand(
        front_end_id=_known_id(front_end_id),
        reason=reason,
        name=name,
        url=None if url is None else _url(url),
        delivery=_delivery(delivery),
        idle=_limit(idle_minutes),
        absolute=_limit(absolute_minutes),
        is_dry_run=dry_run,
    )
    changed = _run(lambda container: container.change_front_end().execute(command))
    if as_json:
        _print_json(changed.front_end, changed=changed.is_changed, dry_run=dry_run)
    elif not changed.is_changed:
        typer.echo("The front end was like this before.")
    else:
        typer.echo("The front end would change." if dry_run else "The front end has changed.")


@app.command()
def disable(
    front_end_id: FrontEndIdArgument,
    reason: Reason,
    *,
    dry_run: DryRun = False,
    as_json: AsJSON = False,
) -> None:
    """Disable a front end for good. Nobody signs in from it, and its sessions aren't renewed."""
    from application.use_cases.front_ends.disable_front_end import DisableFrontEndCommand

    command = DisableFrontEndCommand(
        front_end_id=_known_id(front_end_id), reason=reason, is_dry_run=dry_run
    )
    is_new = _run(lambda container: container.disable_front_end().execute(command))
    if as_json:
        answer = {"front_end_id": front_end_id, "changed": is_new, "dry_run": dry_run}
        typer.echo(json.dumps(answer, indent=2))
    elif not is_new:
        typer.echo("The front end was disabled before.")
    else:
        done = "The front end would be disabled." if dry_run else "The front end is disabled."
        typer.echo(done)


def _print_json(front_end: "FrontEnd", *, changed: bool, dry_run: bool) -> None:
    from entrypoints.commands.front_end_listing import fields_of

    answer = fields_of(front_end) | {"changed": changed, "dry_run": dry_run}
    typer.echo(json.dumps(answer, indent=2))


def _url(text: str) -> str:
    """A URL by the rules of the setting for the settings' front end."""
    from entrypoints.setting_rules import base_url

    try:
        return base_url(text.strip())
    except ValueError as fault:
        fail([f"--url {fault}"], EXIT_SETTINGS)


def _delivery(given: Delivery | None) -> "SessionDelivery | None":
    from domain.front_end import SessionDelivery

    return None if given is None else SessionDelivery(given.value)


def _limit(minutes: int | None) -> timedelta | None:
    return None if minutes is None else timedelta(minutes=minutes)


def _known_id(text: str) -> "FrontEndId":
    from domain.front_end import parse_front_end_id

    front_end_id = parse_front_end_id(text)
    if front_end_id is None:
        fail(["there is no such front end"], EXIT_NOT_FOUND)
    return front_end_id


def _run(work: "Callable[[Container], Coroutine[object, object, _T]]") -> _T:
    """Run a use case, and exit if the front end doesn't exist or can't be like this."""
    from application.errors import NotFoundError
    from domain.errors import InvalidFrontEndError
    from entrypoints.commands.running import run

    try:
        return run(work)
    except NotFoundError:
        fail(["there is no such front end"], EXIT_NOT_FOUND)
    except InvalidFrontEndError as error:
        fail([str(error)], EXIT_SETTINGS)
