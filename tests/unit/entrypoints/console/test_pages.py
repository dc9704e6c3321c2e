"""What the console shows and does, act by act."""

from datetime import timedelta
from http import HTTPStatus
from typing import Final

import pytest

from application.use_cases.console.show_board import BOARD_HOURS
from domain.audit_event import AuditEvent, AuditEventType
from domain.audit_record import AuditMark, AuditRecord
from domain.identifiers import ICN, UserId
from domain.sign_in_failure import SignInFailure
from domain.visitor import Visitor
from entrypoints.console.acts import HOME
from entrypoints.console.board import HEIGHT, bars_of, totals_of
from entrypoints.console.timeline_words import WORDS, told
from tests.support.builders import NOW, a_visitor, an_icn, an_identity
from tests.support.console import Console, Desk

_REASON: Final = {"reason": "lost_device"}


async def person(console: Console, icn: ICN | None = None) -> UserId:
    signed_in = await console.service.sign_in(an_identity(icn=icn or an_icn()))
    return signed_in.grant.session.user_id


def page_of(user_id: UserId) -> str:
    return f"{HOME}/people/{user_id}"


async def do(desk: Desk, user_id: UserId, act: str, **fields: str) -> str:
    """Send a form about somebody; what the page says afterwards."""
    answer = await desk.post(f"{page_of(user_id)}/{act}", _REASON | fields)
    assert answer.status_code == HTTPStatus.SEE_OTHER, answer.text
    return (await desk.get(answer.headers["location"])).text


@pytest.mark.parametrize(
    ("acts", "says", "tells"),
    [
        (["sign-out"], "All sessions ended.", AuditEventType.LOGOUT_BY_OPERATOR),
        (["unlink"], "The link to VA was removed", AuditEventType.VA_UNLINKED_BY_OPERATOR),
        (["disable"], "The account is disabled", AuditEventType.USER_DISABLED),
        (["disable", "enable"], "The account is enabled.", AuditEventType.USER_ENABLED),
    ],
)
async def test_an_act_is_done_said_and_told_with_its_reason(
    console: Console, acts: list[str], says: str, tells: AuditEventType
) -> None:
    user_id, desk = await person(console), await console.signed_in(subject="the-operator")
    for act in acts:
        text = await do(desk, user_id, act)

    assert says in text
    (event,) = [each for each in console.audit if each.type is tells]
    assert event.user_id == user_id
    assert event.visitor.operator == "the-operator"
    assert event.data["reason"] == "lost_device"


async def test_one_session_ends_and_the_other_does_not(console: Console) -> None:
    user_id = await person(console, icn := an_icn())
    assert await person(console, icn) == user_id
    one, other = console.service.store.committed.sessions.values()
    desk = await console.signed_in()

    assert "The session ended." in await do(desk, user_id, f"sessions/{one.id}/end")
    assert "The session had ended before." in await do(desk, user_id, f"sessions/{one.id}/end")
    kept = console.service.store.committed.sessions
    assert kept[one.id].revocation is not None
    assert kept[other.id].revocation is None


async def test_a_new_icn_that_nobody_has_is_changed_at_once(console: Console) -> None:
    user_id, desk, icn = await person(console), await console.signed_in(), an_icn()

    assert "has the new ICN" in await do(desk, user_id, "change-icn", icn=icn.value)
    assert "had this ICN before" in await do(desk, user_id, "change-icn", icn=icn.value)


@pytest.mark.parametrize("keeps_first", [True, False])
async def test_a_conflict_shows_both_users_and_merges_them_as_the_operator_says(
    console: Console, *, keeps_first: bool
) -> None:
    first, second, desk = await person(console), await person(console), await console.signed_in()
    icn = console.service.store.committed.users[second].icn
    assert icn is not None
    fields = _REASON | {"icn": icn.value}
    before = console.service.store.committed.users.copy()
    shown = await desk.post(f"{page_of(first)}/change-icn", fields)
    assert shown.status_code == HTTPStatus.CONFLICT
    assert f'value="{first}"' in shown.text
    assert f'value="{second}"' in shown.text
    assert console.service.store.committed.users == before

    kept, merged = (first, second) if keeps_first else (second, first)
    text = await do(desk, first, "change-icn", icn=icn.value, merge_into=str(kept))

    assert "merged into this one" in text
    assert console.service.store.committed.users[merged].merged_into == kept


@pytest.mark.parametrize("reason", ["", "Lost the phone", "LOST", "a" * 65, "-x"])
async def test_without_a_reason_that_is_a_code_nothing_is_done(
    console: Console, reason: str
) -> None:
    user_id, desk = await person(console), await console.signed_in()
    before = len(console.audit)
    answer = await desk.post(f"{page_of(user_id)}/disable", {"reason": reason})

    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert "must be a short code" in answer.text
    assert len(console.audit) == before


async def test_a_malformed_icn_and_a_malformed_search_are_said_without_what_was_typed(
    console: Console,
) -> None:
    user_id, desk = await person(console), await console.signed_in()
    changed = await desk.post(f"{page_of(user_id)}/change-icn", _REASON | {"icn": "<b>typed</b>"})
    found = await desk.post(f"{HOME}/people", {"text": " , "})
    garbled = await desk.http.post(f"{HOME}/people", content="text=%ff")

    for answer in (changed, found):
        assert answer.status_code == HTTPStatus.BAD_REQUEST
        assert "typed" not in answer.text
    assert "ten digits" in changed.text
    assert garbled.status_code == HTTPStatus.FORBIDDEN


async def test_names_are_shown_as_text(console: Console) -> None:
    identity = an_identity(icn=an_icn(), given_name="<script>alert(1)</script>")
    user_id = (await console.service.sign_in(identity)).grant.session.user_id
    desk = await console.signed_in()

    assert "<script>" not in (await desk.get(page_of(user_id))).text


@pytest.mark.parametrize(
    "path", ["/people/8f5f5a4e-6a0e-4d3f-9a57-5b8b3f0c2d11", "/people/nobody", "/nowhere"]
)
async def test_what_is_not_there_is_not_found(console: Console, path: str) -> None:
    desk = await console.signed_in()
    answer = await desk.get(HOME + path)

    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert "<h1>Not found</h1>" in answer.text


async def test_a_back_end_is_registered_rotated_and_disabled(console: Console) -> None:
    desk = await console.signed_in()
    shown = await desk.post(
        f"{HOME}/clients",
        {"name": "Helper", "purpose.claim_status": "yes", "scope.veteran_status.read": "yes"},
    )
    assert "client_secret" in shown.text
    (client,) = console.service.store.committed.service_clients.values()
    assert [each.value for each in client.purposes] == ["claim_status"]
    assert client.scopes == {"veteran_status.read"}
    path = f"{HOME}/clients/{client.id}"
    rotated = await desk.post(f"{path}/rotate")
    assert "client_secret" in rotated.text
    assert "client_secret</dt>" not in (await desk.get(f"{HOME}/clients")).text
    await desk.post(f"{path}/retire")
    await desk.post(f"{path}/disable", _REASON)

    (client,) = console.service.store.committed.service_clients.values()
    assert len(client.secret_hashes) == 1
    assert client.disabled_at is not None
    refused = await desk.post(f"{path}/rotate")
    assert refused.status_code == HTTPStatus.BAD_REQUEST
    assert "the client is disabled" in refused.text


async def test_the_board_counts_sign_ins_by_hour_and_outcome(console: Console) -> None:
    await person(console)
    console.clock.advance(timedelta(hours=1))
    await person(console)
    await person(console)
    async with console.service.container.unit_of_work() as work:
        failure = AuditEvent.login_failed(
            SignInFailure.ACCESS_DENIED, reason="a", visitor=a_visitor(), now=console.clock.now()
        )
        await work.audit.append(failure)
        await work.commit()
    board = await console.container.show_board().execute()
    bars = bars_of(board)

    assert len(bars) == BOARD_HOURS
    assert [(bar.successes, bar.failures) for bar in bars[-2:]] == [(1, 0), (2, 1)]
    assert bars[-1].success_height + bars[-1].failure_height == pytest.approx(HEIGHT, abs=0.2)
    assert totals_of(board) == [("success", 3), ("access_denied", 1)]
    page = (await (await console.signed_in()).get(f"{HOME}/board")).text
    assert "<dt>Live sessions</dt><dd>2</dd>" in page
    assert "2 successes, 1 failures" in page
    assert "The highest bar is 3 sign-ins" in page


def test_every_type_of_event_has_words_and_an_unknown_one_is_named() -> None:
    assert set(WORDS) == set(AuditEventType)
    for type_ in (*(each.value for each in AuditEventType), "of_an_earlier_phase"):
        record = AuditRecord(
            mark=AuditMark(occurred_at=NOW, key="1"),
            type=type_,
            user_id=None,
            visitor=Visitor(),
            data={},
        )
        assert told(record).endswith(".")
    assert "of_an_earlier_phase" in told(record)
