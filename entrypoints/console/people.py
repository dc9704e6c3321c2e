"""The search, a person's page, and what can be done about a person."""

from enum import StrEnum
from http import HTTPStatus
from typing import Final, final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from application.decision_errors import (
    AccountsDifferError,
    DecisionNeededError,
    ICNOfAnotherUserError,
    MergedAwayError,
    MergeTargetError,
)
from application.errors import NotFoundError
from application.use_cases.operations.change_icn import ChangeICN, ChangeICNCommand
from application.use_cases.operations.disable_user import DisableUser, DisableUserCommand
from application.use_cases.operations.enable_user import EnableUser, EnableUserCommand
from application.use_cases.operations.end_session import EndSession, EndSessionCommand
from application.use_cases.operations.find_users import FindUsers, FindUsersCommand
from application.use_cases.operations.show_user import ShowUser
from application.use_cases.operations.sign_out_user import SignOutUser, SignOutUserCommand
from application.use_cases.operations.unlink_user import UnlinkUser, UnlinkUserCommand
from domain.errors import InvalidUserSearchError
from domain.identifiers import ICN, SessionId, UserId
from domain.operator import OperatorRight
from domain.user_search import parse_user_search
from entrypoints.console.acts import HOME, Act, change, look
from entrypoints.console.forms import Form
from entrypoints.console.operator_sessions import SignedIn
from entrypoints.console.renderer import ConsoleRenderer
from entrypoints.console.timeline_words import told
from entrypoints.web.parameters import query_of

_PEOPLE: Final = "/people"
_PERSON: Final = f"{_PEOPLE}/{{user_id:uuid}}"
_MOST_FOUND: Final = 50


class Done(StrEnum):
    """What was done last, as the address of a person's page says it."""

    SESSION_ENDED = "session-ended"
    HAD_ENDED = "had-ended"
    SIGNED_OUT = "signed-out"
    UNLINKED = "unlinked"
    DISABLED = "disabled"
    ENABLED = "enabled"
    ICN_CHANGED = "icn-changed"
    MERGED = "merged"
    UNCHANGED = "unchanged"


_DONE: Final = {
    Done.SESSION_ENDED: "The session ended.",
    Done.HAD_ENDED: "The session had ended before.",
    Done.SIGNED_OUT: "All sessions ended. The person can sign in again.",
    Done.UNLINKED: "The link to VA was removed, and all sessions ended.",
    Done.DISABLED: "The account is disabled, and all sessions ended.",
    Done.ENABLED: "The account is enabled. The person can sign in again.",
    Done.ICN_CHANGED: "The person has the new ICN.",
    Done.MERGED: "The two users were merged into this one.",
    Done.UNCHANGED: "The person had this ICN before. Nothing was changed.",
}
_REFUSED: Final[dict[type[DecisionNeededError], str]] = {
    ICNOfAnotherUserError: "Another user has this ICN. If both are the same person, choose which "
    "of the two stays. The other one's sessions end, and its accounts at VA move.",
    MergeTargetError: "The user to keep must be one of two: this one, or another one who has the "
    "ICN.",
    AccountsDifferError: "One of the two users is disabled. Enable that one, or disable the other "
    "one too.",
    MergedAwayError: "This user was merged into another one. Use that one.",
}


@final
class People:
    """Each act runs the use case of a command of the same name."""

    def __init__(
        self,
        *,
        find_users: FindUsers,
        show_user: ShowUser,
        end_session: EndSession,
        sign_out_user: SignOutUser,
        unlink_user: UnlinkUser,
        disable_user: DisableUser,
        enable_user: EnableUser,
        change_icn: ChangeICN,
        renderer: ConsoleRenderer,
    ) -> None:
        self._find_users = find_users
        self._show_user = show_user
        self._end_session = end_session
        self._sign_out_user = sign_out_user
        self._unlink_user = unlink_user
        self._disable_user = disable_user
        self._enable_user = enable_user
        self._change_icn = change_icn
        self._renderer = renderer

    @property
    def acts(self) -> list[Act]:
        """Everything about people."""
        end, manage = OperatorRight.END_SESSIONS, OperatorRight.MANAGE_USERS
        return [
            look("", self._search_page),
            change(_PEOPLE, self._search, OperatorRight.LOOK),
            look(_PERSON, self._show),
            change(f"{_PERSON}/sessions/{{session_id:uuid}}/end", self._end_one, end),
            change(f"{_PERSON}/sign-out", self._end_all, end),
            change(f"{_PERSON}/unlink", self._unlink, manage),
            change(f"{_PERSON}/disable", self._disable, manage),
            change(f"{_PERSON}/enable", self._enable, manage),
            change(f"{_PERSON}/change-icn", self._change, manage),
        ]

    async def _search_page(self, _request: Request, me: SignedIn, _form: Form) -> Response:
        return self._renderer.page("search.html", me, found=None, fault=None)

    async def _search(self, _request: Request, me: SignedIn, form: Form) -> Response:
        """Nothing repeats the text: it may be a name or an ICN."""
        try:
            wanted = parse_user_search(form.line("text"))
        except InvalidUserSearchError as error:
            return self._renderer.page(
                "search.html", me, status=HTTPStatus.BAD_REQUEST, found=None, fault=str(error)
            )
        found = await self._find_users.execute(FindUsersCommand(wanted=wanted, limit=_MOST_FOUND))
        return self._renderer.page(
            "search.html", me, found=found, fault=None, told=told, most=_MOST_FOUND
        )

    async def _show(self, request: Request, me: SignedIn, _form: Form) -> Response:
        shown = await self._show_user.execute(_user_id(request))
        done = query_of(request).removeprefix("done=")
        notice = _DONE[Done(done)] if done in set(Done) else None
        return self._renderer.page("person.html", me, shown=shown, notice=notice, told=told)

    async def _end_one(self, request: Request, _me: SignedIn, form: Form) -> Response:
        command = EndSessionCommand(
            user_id=_user_id(request),
            session_id=SessionId(request.path_params["session_id"]),
            reason=form.reason,
        )
        is_ended = await self._end_session.execute(command)
        return _to_person(command.user_id, Done.SESSION_ENDED if is_ended else Done.HAD_ENDED)

    async def _end_all(self, request: Request, _me: SignedIn, form: Form) -> Response:
        command = SignOutUserCommand(user_id=_user_id(request), reason=form.reason)
        await self._sign_out_user.execute(command)
        return _to_person(command.user_id, Done.SIGNED_OUT)

    async def _unlink(self, request: Request, _me: SignedIn, form: Form) -> Response:
        command = UnlinkUserCommand(user_id=_user_id(request), reason=form.reason)
        await self._unlink_user.execute(command)
        return _to_person(command.user_id, Done.UNLINKED)

    async def _disable(self, request: Request, _me: SignedIn, form: Form) -> Response:
        command = DisableUserCommand(user_id=_user_id(request), reason=form.reason)
        await self._disable_user.execute(command)
        return _to_person(command.user_id, Done.DISABLED)

    async def _enable(self, request: Request, _me: SignedIn, form: Form) -> Response:
        command = EnableUserCommand(user_id=_user_id(request), reason=form.reason)
        await self._enable_user.execute(command)
        return _to_person(command.user_id, Done.ENABLED)

    async def _change(self, request: Request, me: SignedIn, form: Form) -> Response:
        """Change the ICN. If an operator has to decide something, show what."""
        merge_into = form.line("merge_into")
        command = ChangeICNCommand(
            user_id=_user_id(request),
            icn=ICN.parse(form.line("icn")),
            reason=form.reason,
            merge_into=UserId(_uuid(merge_into)) if merge_into else None,
        )
        try:
            changed = await self._change_icn.execute(command)
        except DecisionNeededError as error:
            return self._renderer.page(
                "decision.html",
                me,
                status=HTTPStatus.CONFLICT,
                text=_REFUSED[type(error)],
                users=error.users,
                can_merge=isinstance(error, ICNOfAnotherUserError),
                command=command,
            )
        if not changed.is_changed:
            return _to_person(changed.user_id, Done.UNCHANGED)
        done = Done.ICN_CHANGED if changed.merged is None else Done.MERGED
        return _to_person(changed.user_id, done)


def _user_id(request: Request) -> UserId:
    return UserId(request.path_params["user_id"])


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFoundError from None


def _to_person(user_id: UserId, done: Done) -> Response:
    return RedirectResponse(f"{HOME}{_PEOPLE}/{user_id}?done={done.value}", HTTPStatus.SEE_OTHER)
