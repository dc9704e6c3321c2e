"""What each role may do, by every act of the console."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import pytest

from application.use_cases.clients.add_client import AddClientCommand
from domain.identifiers import SessionId, UserId
from domain.operator import Operator, OperatorRight, OperatorRole
from domain.service_client import ClientId
from domain.va_token_use import TokenPurpose
from entrypoints.console.acting import acting_as
from entrypoints.console.acts import HOME, Act, Method
from tests.support.builders import an_icn
from tests.support.console import Console, Desk

_ADMIN: Final = Operator(name="somebody", role=OperatorRole.ADMIN)
_REASON: Final = {"reason": "lost_device"}
_PERSON: Final = f"{HOME}/people/{{user_id:uuid}}"
_CLIENT: Final = f"{HOME}/clients/{{client_id}}"
#: Every route: the right that it needs, and a form that it accepts.
EXPECTED: Final[Mapping[tuple[str, str], tuple[OperatorRight, Mapping[str, str]]]] = {
    ("GET", HOME): (OperatorRight.LOOK, {}),
    ("POST", f"{HOME}/people"): (OperatorRight.LOOK, {"text": "ellis"}),
    ("GET", _PERSON): (OperatorRight.LOOK, {}),
    ("POST", f"{_PERSON}/sessions/{{session_id:uuid}}/end"): (
        OperatorRight.END_SESSIONS,
        _REASON,
    ),
    ("POST", f"{_PERSON}/sign-out"): (OperatorRight.END_SESSIONS, _REASON),
    ("POST", f"{_PERSON}/unlink"): (OperatorRight.MANAGE_USERS, _REASON),
    ("POST", f"{_PERSON}/disable"): (OperatorRight.MANAGE_USERS, _REASON),
    ("POST", f"{_PERSON}/enable"): (OperatorRight.MANAGE_USERS, _REASON),
    ("POST", f"{_PERSON}/change-icn"): (
        OperatorRight.MANAGE_USERS,
        _REASON | {"icn": an_icn().value},
    ),
    ("GET", f"{HOME}/clients"): (OperatorRight.LOOK, {}),
    ("POST", f"{HOME}/clients"): (
        OperatorRight.MANAGE_CLIENTS,
        {"name": "Helper", "purpose.veteran_status": "yes", "scope.veteran_status.read": "yes"},
    ),
    ("POST", f"{_CLIENT}/rotate"): (OperatorRight.MANAGE_CLIENTS, {}),
    ("POST", f"{_CLIENT}/retire"): (OperatorRight.MANAGE_CLIENTS, {}),
    ("POST", f"{_CLIENT}/disable"): (OperatorRight.MANAGE_CLIENTS, _REASON),
    ("GET", f"{HOME}/board"): (OperatorRight.LOOK, {}),
    ("GET", f"{HOME}/doctor"): (OperatorRight.LOOK, {}),
    ("POST", f"{HOME}/sign-out"): (OperatorRight.LOOK, {}),
}
_OF_SUPPORT: Final = {OperatorRight.LOOK, OperatorRight.END_SESSIONS}

every_act = pytest.mark.parametrize("key", EXPECTED, ids=" ".join)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Somebody to act upon."""

    user_id: UserId
    session_id: SessionId
    client_id: ClientId

    def path(self, act: Act) -> str:
        """The address of an act that concerns them."""
        path = act.path.replace("{user_id:uuid}", str(self.user_id))
        path = path.replace("{session_id:uuid}", str(self.session_id))
        return path.replace("{client_id}", str(self.client_id))


async def a_stage(console: Console) -> Stage:
    session = (await console.service.sign_in()).grant.session
    command = AddClientCommand(
        name="Helper",
        purposes=frozenset({TokenPurpose.VETERAN_STATUS}),
        scopes=frozenset({"veteran_status.read"}),
        public_key=None,
    )
    with acting_as(_ADMIN):
        added = await console.container.add_client().execute(command)
    return Stage(user_id=session.user_id, session_id=session.id, client_id=added.client.id)


def the_act(console: Console, key: tuple[str, str]) -> Act:
    (act,) = (each for each in console.acts if (each.method.value, each.path) == key)
    return act


async def perform(desk: Desk, act: Act, path: str) -> HTTPStatus:
    _, fields = EXPECTED[(act.method.value, act.path)]
    answer = await (desk.get(path) if act.method is Method.LOOK else desk.post(path, fields))
    return HTTPStatus(answer.status_code)


async def test_every_route_is_listed_with_its_right(console: Console) -> None:
    found = {(act.method.value, act.path): act.right for act in console.acts}
    assert found == {key: right for key, (right, _) in EXPECTED.items()}


@every_act
async def test_an_admin_may_do_everything(console: Console, key: tuple[str, str]) -> None:
    stage, act = await a_stage(console), the_act(console, key)
    desk = await console.signed_in(OperatorRole.ADMIN)

    assert await perform(desk, act, stage.path(act)) in {HTTPStatus.OK, HTTPStatus.SEE_OTHER}


@every_act
async def test_a_support_operator_may_look_and_end_sessions_and_nothing_else(
    console: Console, key: tuple[str, str]
) -> None:
    stage, act = await a_stage(console), the_act(console, key)
    desk = await console.signed_in(OperatorRole.SUPPORT)
    before = console.service.store.committed.copy()

    status = await perform(desk, act, stage.path(act))

    if act.right in _OF_SUPPORT:
        assert status in {HTTPStatus.OK, HTTPStatus.SEE_OTHER}
    else:
        assert status == HTTPStatus.FORBIDDEN
        assert console.service.store.committed == before


@every_act
async def test_nobody_may_do_anything_without_a_session(
    console: Console, key: tuple[str, str]
) -> None:
    stage, act = await a_stage(console), the_act(console, key)
    before = console.service.store.committed.copy()
    desk = await console.desk()

    assert await perform(desk, act, stage.path(act)) == HTTPStatus.SEE_OTHER
    assert console.service.store.committed == before


@every_act
async def test_a_form_without_the_secret_of_the_session_or_from_elsewhere_does_nothing(
    console: Console, key: tuple[str, str]
) -> None:
    act = the_act(console, key)
    if act.method is Method.LOOK:
        return
    stage = await a_stage(console)
    path, (_, fields) = stage.path(act), EXPECTED[key]
    desk, other = await console.signed_in(), await console.signed_in()
    before = console.service.store.committed.copy()

    for answer in (
        await desk.post(path, fields, form_secret=""),
        await desk.post(path, fields, form_secret=await other.form_secret()),
        await desk.post(path, fields, headers={"Origin": "http://localhost:8000"}),
        await desk.post(path, fields, headers={"Origin": "null"}),
        await desk.post(path, fields, headers={"Sec-Fetch-Site": "cross-site"}),
    ):
        assert answer.status_code == HTTPStatus.FORBIDDEN
    assert console.service.store.committed == before


@every_act
async def test_the_trail_names_the_operator_of_each_event(
    console: Console, key: tuple[str, str]
) -> None:
    stage, act = await a_stage(console), the_act(console, key)
    desk = await console.signed_in(subject="the-operator")
    before = len(console.audit)

    await perform(desk, act, stage.path(act))

    operators = {event.visitor.operator for event in console.audit[before:]}
    # Only what concerns nobody, or changes nothing, leaves no event.
    # The form of the search shows nothing.
    silent = {HOME}
    is_silent = act.method is Method.LOOK and act.path in silent
    assert operators == (set() if is_silent or act.path.endswith("/retire") else {"the-operator"})
