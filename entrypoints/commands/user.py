"""`vetassist user`."""

import json
import sys
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Annotated, Final, NoReturn, TypeVar
from uuid import UUID

import typer

from entrypoints.commands.parameters import (
    AsJSON,
    DryRun,
    Reason,
    SessionIdArgument,
    UserIdArgument,
    clean_text,
    clean_texts,
    id_of,
    whole_number,
)
from entrypoints.commands.strict import StrictTyper
from entrypoints.starting import (
    EXIT_DECISION,
    EXIT_NOT_FOUND,
    EXIT_SETTINGS,
    fail,
    print_on_stderr,
)

if TYPE_CHECKING:
    from application.decision_errors import DecisionNeededError
    from application.use_cases.operations.change_icn import ICNChanged
    from domain.identifiers import ICN
    from domain.user_search import UserSearch
    from entrypoints.container import Container

_T = TypeVar("_T")

#: Stands for standard input on a command line, which a shell doesn't write down.
_STANDARD_INPUT: Final = "-"
_MOST_FOUND: Final = 100

app = StrictTyper(help="Find and help users, and manage their accounts.", no_args_is_help=True)


@app.command()
def find(
    text: Annotated[
        list[str],
        typer.Argument(
            callback=clean_texts,
            help="A user id, session id, ICN, e-mail address, the reference of an error page, or "
            "the beginning of a name: `ellis`, `tamara ellis` or `ellis, tamara`. Case and "
            "accents don't matter. `-` reads it from standard input.",
        ),
    ],
    *,
    limit: Annotated[
        int,
        typer.Option(
            parser=whole_number(1, _MOST_FOUND),
            metavar="NUMBER",
            help="At most this many users, 1 to 100.",
        ),
    ] = 20,
    as_json: AsJSON = False,
) -> None:
    """Find users. The trail records that you looked, and whom you were shown."""
    from application.use_cases.operations.find_users import FindUsersCommand
    from domain.errors import InvalidUserSearchError
    from domain.user_search import parse_user_search
    from entrypoints.commands.running import run
    from entrypoints.commands.user_listing import as_json_found, print_found

    try:
        wanted = parse_user_search(_given(" ".join(text), "TEXT"))
    except InvalidUserSearchError as error:
        fail([f"TEXT {error}"], EXIT_SETTINGS)
    command = FindUsersCommand(wanted=wanted, limit=limit)
    found = run(lambda container: container.find_users().execute(command))
    if as_json:
        typer.echo(as_json_found(found))
    else:
        print_found(found)
    if found.has_more:
        print_on_stderr(f"more than {limit} users match: narrow the search, or raise --limit")
    if found.events and not found.users:
        print_on_stderr("the request concerns no known user")
    elif not found.users:
        fail([_nothing_found(wanted)], EXIT_NOT_FOUND)


@app.command()
def show(user_id: UserIdArgument, *, as_json: AsJSON = False) -> None:
    """Show one user: accounts and link at VA, sessions and newest events. The trail records it."""
    from domain.identifiers import UserId
    from entrypoints.commands.user_listing import as_json_shown, print_shown

    shown = _run_for_user(lambda container: container.show_user().execute(UserId(user_id)))
    if as_json:
        typer.echo(as_json_shown(shown))
    else:
        print_shown(shown)


@app.command("end-session")
def end_session(
    user_id: UserIdArgument,
    session_id: SessionIdArgument,
    reason: Reason,
    *,
    dry_run: DryRun = False,
    as_json: AsJSON = False,
) -> None:
    """End one session of a user at once, such as that of a lost phone."""
    from application.use_cases.operations.end_session import EndSessionCommand
    from domain.identifiers import SessionId, UserId

    command = EndSessionCommand(
        user_id=UserId(user_id),
        session_id=SessionId(session_id),
        reason=reason,
        is_dry_run=dry_run,
    )
    is_ended = _run_for_user(
        lambda container: container.end_session().execute(command),
        otherwise="the user has no such session",
    )
    done = "The session would end." if dry_run else "The session ended."
    _say(
        done if is_ended else "The session had ended before.",
        as_json=as_json,
        user_id=str(user_id),
        session_id=str(session_id),
        changed=is_ended,
        dry_run=dry_run,
    )


@app.command()
def unlink(
    user_id: UserIdArgument, reason: Reason, *, dry_run: DryRun = False, as_json: AsJSON = False
) -> None:
    """Unlink a user from VA, as the Veteran can: end all sessions, and give up VA's tokens."""
    from application.use_cases.operations.unlink_user import UnlinkUserCommand
    from domain.identifiers import UserId

    command = UnlinkUserCommand(user_id=UserId(user_id), reason=reason, is_dry_run=dry_run)
    ended = _run_for_user(lambda container: container.unlink_user().execute(command))
    _say(
        f"The user would be unlinked; {ended} sessions would end."
        if dry_run
        else f"The user is unlinked; {ended} sessions ended. `serve` asks VA to revoke the tokens.",
        as_json=as_json,
        user_id=str(user_id),
        sessions=ended,
        changed=True,
        dry_run=dry_run,
    )


@app.command("change-icn")
def change_icn(
    user_id: UserIdArgument,
    new_icn: Annotated[
        str,
        typer.Argument(
            callback=clean_text,
            help="The ICN that VA has now. `-` reads it from standard input, which keeps it out of "
            "the shell's history.",
        ),
    ],
    reason: Reason,
    *,
    merge_into: Annotated[
        UUID | None,
        typer.Option(
            parser=id_of,
            metavar="USER_ID",
            help="If another user has the ICN: which of the two stays. The other one's sessions "
            "end, and its accounts at VA move.",
        ),
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJSON = False,
) -> None:
    """Give a user the ICN that VA has now. This settles an `identity_conflict`."""
    from application.decision_errors import DecisionNeededError
    from application.use_cases.operations.change_icn import ChangeICNCommand
    from domain.identifiers import UserId

    command = ChangeICNCommand(
        user_id=UserId(user_id),
        icn=_icn(_given(new_icn, "NEW_ICN")),
        reason=reason,
        merge_into=None if merge_into is None else UserId(merge_into),
        is_dry_run=dry_run,
    )
    try:
        changed = _run_for_user(lambda container: container.change_icn().execute(command))
    except DecisionNeededError as error:
        _refuse(error, as_json=as_json)
    _say(
        _sentence(changed, is_dry_run=dry_run),
        as_json=as_json,
        user_id=str(changed.user_id),
        merged=None if changed.merged is None else str(changed.merged),
        sessions=changed.sessions,
        changed=changed.is_changed,
        dry_run=dry_run,
    )


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


def _run_for_user(
    work: "Callable[[Container], Coroutine[object, object, _T]]",
    *,
    otherwise: str = "there is no such user",
) -> _T:
    """Run a use case, and exit with one line if what it is about doesn't exist."""
    from application.errors import NotFoundError
    from entrypoints.commands.running import run

    try:
        return run(work)
    except NotFoundError:
        fail([otherwise], EXIT_NOT_FOUND)


def _say(sentence: str, *, as_json: bool, **fields: object) -> None:
    typer.echo(json.dumps(fields) if as_json else sentence)


def _nothing_found(wanted: "UserSearch") -> str:
    from domain.user_search import ByName, ByReference

    if isinstance(wanted, ByReference):
        return "no event has this reference; the log may have it (docs/support.md)"
    if isinstance(wanted, ByName) and wanted.is_part_of_reference:
        return "no user matches; a reference must be whole, such as 0baadf123456-1a"
    return "no user matches"


def _given(text: str, name: str) -> str:
    """The text of an argument, or the first line of standard input."""
    if text != _STANDARD_INPUT:
        return text
    if sys.stdin.isatty():
        print_on_stderr(f"type {name}, and then Enter:")
    try:
        return sys.stdin.readline().rstrip("\r\n")
    except UnicodeError:
        fail([f"{name}: standard input is not valid UTF-8"], EXIT_SETTINGS)


def _icn(text: str) -> "ICN":
    from domain.errors import InvalidICNError
    from domain.identifiers import ICN

    try:
        return ICN.parse(text.strip())
    except InvalidICNError:
        fail(["NEW_ICN must be ten digits, a V and six digits"], EXIT_SETTINGS)


def _sentence(changed: "ICNChanged", *, is_dry_run: bool) -> str:
    if not changed.is_changed:
        return f"The user {changed.user_id} had this ICN before."
    would = "would have" if is_dry_run else "has"
    sentence = f"The user {changed.user_id} {would} the new ICN."
    if changed.merged is None:
        return sentence
    was = "would be" if is_dry_run else "was"
    return f"{sentence} {changed.merged} {was} merged into it; sessions ended: {changed.sessions}."


def _refuse(error: "DecisionNeededError", *, as_json: bool) -> NoReturn:
    """Show the users concerned, say what has to be decided, and exit."""
    from application import decision_errors
    from entrypoints.commands.user_listing import print_users, summary_fields

    said = {
        decision_errors.ICNOfAnotherUserError: "another user has this ICN: --merge-into says which "
        "of the two stays",
        decision_errors.MergeTargetError: "--merge-into must name one of two users: the one of the "
        "command, or another one who has this ICN",
        decision_errors.AccountsDifferError: "one of the two users is disabled: enable that one, "
        "or disable the other one too",
        decision_errors.MergedAwayError: "the user was merged into another one: use that one",
    }
    if as_json:
        users = [summary_fields(each) for each in error.users]
        typer.echo(json.dumps({"changed": False, "refused": error.code, "users": users}))
    else:
        print_users(error.users)
    fail([said[type(error)]], EXIT_DECISION)
