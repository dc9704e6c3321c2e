"""How operators sign in, and how their sessions end."""

from datetime import timedelta
from http import HTTPStatus
from typing import Final

import pytest

from adapters.postgres.pool import build_pool, opened
from application.ports.operator_directory import KnownOperator
from domain.audit_event import AuditEvent, AuditEventType
from domain.operator import OperatorRole
from domain.operator_session import OPERATOR_ABSOLUTE, OPERATOR_IDLE
from domain.secret import Secret
from entrypoints.console.acts import HOME, SIGN_IN
from entrypoints.console.operator_sessions import MOST_SESSIONS
from entrypoints.console.sign_in_attempts import LIFETIME, MOST_ATTEMPTS
from entrypoints.settings_reader import ConsoleSettings
from tests.support.builders import some_login_secrets
from tests.support.console import ISSUER, Console, Desk, running_console
from tests.support.databases import as_application, rows_of

_SECOND: Final = timedelta(seconds=1)
_ADMIN: Final = KnownOperator(subject="an-operator", groups=frozenset({OperatorRole.ADMIN.value}))


async def is_in(desk: Desk) -> bool:
    answer = await desk.get(HOME)
    if answer.status_code == HTTPStatus.OK:
        return True
    assert answer.headers["location"].startswith(SIGN_IN)
    return False


def refusals(console: Console) -> list[AuditEvent]:
    return [each for each in console.audit if each.type is AuditEventType.OPERATOR_SIGN_IN_REFUSED]


async def code_for(console: Console, url: str, operator: KnownOperator = _ADMIN) -> str:
    return console.directory.consent(url, operator).reveal()


async def test_a_sign_in_is_told_with_name_and_role(console: Console) -> None:
    await console.signed_in(OperatorRole.SUPPORT, subject="the-operator")

    (told,) = console.audit
    assert told.type is AuditEventType.OPERATOR_SIGNED_IN
    assert told.visitor.operator == "the-operator"
    assert told.visitor.address_hash is not None
    assert told.data == {"role": "vetassist-support"}


async def test_the_strongest_of_several_roles_counts(console: Console) -> None:
    desk = await console.desk()
    url = await desk.begin()
    both = KnownOperator(subject="both", groups=frozenset(each.value for each in OperatorRole))
    await desk.come_back(url, code=await code_for(console, url, both))

    assert "both (admin)" in (await desk.get(HOME)).text


@pytest.mark.parametrize(
    "groups", [set(), {"vetassist"}, {"VETASSIST-ADMIN"}, {"vetassist-admin "}]
)
async def test_without_a_role_nobody_gets_in(console: Console, groups: set[str]) -> None:
    desk = await console.desk()
    url = await desk.begin()
    operator = KnownOperator(subject="a-stranger", groups=frozenset(groups))
    answer = await desk.come_back(url, code=await code_for(console, url, operator))

    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert not await is_in(desk)
    (told,) = refusals(console)
    assert (told.visitor.operator, told.data["reason"]) == ("a-stranger", "no_role")


async def test_a_name_that_does_not_fit_becomes_a_digest(console: Console) -> None:
    subject = "auth0|" + "x" * 90
    await console.signed_in(subject=subject)

    (told,) = console.audit
    assert told.visitor.operator is not None
    assert told.visitor.operator.startswith("sub.")
    assert len(told.visitor.operator) == len("sub.") + 32


async def test_a_callback_of_another_browser_or_without_one_is_refused(console: Console) -> None:
    desk, thief = await console.desk(), await console.desk()
    url = await desk.begin()
    code = await code_for(console, url)
    await thief.begin()

    assert (await thief.come_back(url, code=code)).status_code == HTTPStatus.BAD_REQUEST
    stranger = await console.desk()
    assert (await stranger.come_back(url, code=code)).status_code == HTTPStatus.BAD_REQUEST
    assert not await is_in(thief)
    # Neither used the attempt up.
    await desk.come_back(url, code=code)
    assert await is_in(desk)


async def test_a_callback_works_once(console: Console) -> None:
    desk = await console.desk()
    url = await desk.begin()
    code, another = await code_for(console, url), await code_for(console, url)
    await desk.come_back(url, code=code)

    # Not even with a code that the provider would accept.
    assert (await desk.come_back(url, code=another)).status_code == HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize(
    ("after", "status"),
    [(LIFETIME - _SECOND, HTTPStatus.SEE_OTHER), (LIFETIME, HTTPStatus.BAD_REQUEST)],
)
async def test_a_sign_in_may_take_ten_minutes(
    console: Console, after: timedelta, status: HTTPStatus
) -> None:
    desk = await console.desk()
    url = await desk.begin()
    console.clock.advance(after)

    assert (await desk.come_back(url, code=await code_for(console, url))).status_code == status


async def test_two_tabs_do_not_disturb_each_other(console: Console) -> None:
    desk = await console.desk()
    for url in [await desk.begin(), await desk.begin()]:
        answer = await desk.come_back(url, code=await code_for(console, url))
        assert answer.headers["location"] == HOME

    assert await is_in(desk)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"error": "access_denied"}, "denied_at_provider"),
        ({"error": "invalid_scope"}, "invalid_scope"),
        ({"code": "unknown"}, "invalid_grant"),
        ({"code": "unknown", "iss": "https://elsewhere.example"}, "callback_iss"),
        ({"code": "unknown", "error": "access_denied"}, "code_and_error"),
        ({"iss": ISSUER}, "code_missing"),
    ],
)
async def test_whatever_the_provider_refuses_is_told_and_lets_nobody_in(
    console: Console, parameters: dict[str, str], reason: str
) -> None:
    desk = await console.desk()
    answer = await desk.come_back(await desk.begin(), **parameters)

    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert not await is_in(desk)
    (told,) = refusals(console)
    assert (told.visitor.operator, told.data) == (None, {"reason": reason})


@pytest.mark.parametrize("query", ["", "state=", "state=a&state=b", "state=%ff", "code=a"])
async def test_a_callback_without_a_readable_state_is_refused(console: Console, query: str) -> None:
    desk = await console.desk()
    await desk.begin()

    answer = await desk.get(f"{SIGN_IN}/callback?{query}")
    assert answer.status_code == HTTPStatus.BAD_REQUEST


async def test_a_provider_that_is_down_is_not_the_operators_fault(console: Console) -> None:
    desk = await console.desk()
    url = await desk.begin()
    console.directory.is_up = False

    for answer in (await desk.get(f"{SIGN_IN}/start"), await desk.come_back(url, code="a-code")):
        assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert "did not answer" in answer.text
    (told,) = refusals(console)
    assert told.data == {"reason": "provider_unavailable"}


async def test_a_session_ends_after_fifteen_idle_minutes(console: Console) -> None:
    desk = await console.signed_in()
    console.clock.advance(OPERATOR_IDLE - _SECOND)
    assert await is_in(desk)
    console.clock.advance(OPERATOR_IDLE - _SECOND)
    assert await is_in(desk)
    console.clock.advance(OPERATOR_IDLE)

    answer = await desk.get(HOME)
    assert answer.headers["location"] == f"{SIGN_IN}?ended"
    assert "Your session ended" in (await desk.get(f"{SIGN_IN}?ended")).text


async def test_a_session_ends_in_the_end_however_much_it_is_used(console: Console) -> None:
    desk = await console.signed_in()
    steps = OPERATOR_ABSOLUTE // timedelta(minutes=10)
    for _ in range(steps - 1):
        console.clock.advance(timedelta(minutes=10))
        assert await is_in(desk)
    console.clock.advance(timedelta(minutes=10))

    assert not await is_in(desk)


async def test_a_sign_out_ends_the_session_itself(console: Console) -> None:
    desk = await console.signed_in(subject="the-operator")
    kept = dict(desk.http.cookies)
    await desk.post(f"{HOME}/sign-out")
    desk.http.cookies.update(kept)

    assert not await is_in(desk)
    assert console.audit[-1].type is AuditEventType.OPERATOR_SIGNED_OUT
    assert console.audit[-1].visitor.operator == "the-operator"


async def test_a_new_sign_in_gets_a_new_session_and_ends_the_one_before(console: Console) -> None:
    desk = await console.signed_in()
    before = desk.http.cookies["vetassist_console"]
    url = await desk.begin()
    await desk.come_back(url, code=await code_for(console, url))
    assert desk.http.cookies["vetassist_console"] != before
    old = await console.desk()
    old.http.cookies.set("vetassist_console", before)

    assert not await is_in(old)
    assert await is_in(desk)


@pytest.mark.parametrize("value", ["", "x", "a" * 43, "a" * 44, "a" * 42 + "%"])
async def test_a_made_up_session_is_none(console: Console, value: str) -> None:
    desk = await console.desk()
    desk.http.cookies.set("vetassist_console", value)

    assert not await is_in(desk)


async def test_a_session_that_comes_twice_is_none(console: Console) -> None:
    value = (await console.signed_in()).http.cookies["vetassist_console"]
    desk = await console.desk()

    answer = await desk.http.get(
        HOME, headers={"Cookie": f"vetassist_console={value}; vetassist_console={value}"}
    )
    assert answer.status_code == HTTPStatus.SEE_OTHER


async def test_memory_is_bounded(console: Console) -> None:
    container = console.container
    sessions, attempts = container.operator_sessions(), container.signing_in()._attempts
    (signed_in,) = [sessions.use(each) for each in [await _browser_of(console)]]
    assert signed_in is not None
    for _ in range(MOST_SESSIONS + 5):
        sessions.begin(signed_in.session)
    for _ in range(MOST_ATTEMPTS + 5):
        attempts.begin(some_login_secrets())

    assert len(sessions._kept) == MOST_SESSIONS
    assert len(attempts._kept) == MOST_ATTEMPTS


async def _browser_of(console: Console) -> Secret:
    return Secret((await console.signed_in()).http.cookies["vetassist_console"])


async def test_cookies_over_https_are_bound_to_the_host() -> None:
    settings = ConsoleSettings(
        console_discovery_url=ISSUER,
        console_issuer=ISSUER,
        console_client_id="a-client",
        console_client_secret=Secret("a-secret"),
        console_public_url="https://console.example",
    )
    async with running_console(settings) as console:
        desk = await console.desk()
        answer = await desk.get(f"{SIGN_IN}/start")
        (attempt,) = answer.headers.get_list("set-cookie")
        assert answer.headers["strict-transport-security"]
        desk.http.base_url = settings.console_public_url
        url = await desk.begin()
        answer = await desk.come_back(url, code=await code_for(console, url))
        session = answer.headers.get_list("set-cookie")[0]

    for cookie, name in (
        (attempt, "__Host-vetassist_console_sign_in"),
        (session, "__Host-vetassist_console"),
    ):
        parts = cookie.lower().split("; ")
        assert cookie.startswith(f"{name}=")
        assert {"httponly", "secure", "path=/", "samesite=lax"} <= set(parts)
        assert not any(part.startswith("domain") for part in parts)
    assert "max-age" not in session.lower()


@pytest.mark.postgres
async def test_the_wiring_of_postgres_records_the_operator(own_database: str) -> None:
    async with (
        opened(build_pool(as_application(own_database), max_size=2)) as pool,
        running_console(pool=pool) as console,
    ):
        desk = await console.signed_in(subject="the-operator")
        await desk.post(f"{HOME}/people", {"text": "nobody"})

    told = {
        row["event_type"]: row["operator"]
        for row in rows_of(own_database, "SELECT * FROM vetassist_auth_audit")
    }
    assert told == {"operator_signed_in": "the-operator", "user_found": "the-operator"}
