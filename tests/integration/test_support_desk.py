"""What support is called about, from the sign-in to the Veteran's own history."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from typer.testing import CliRunner, Result

from adapters.postgres.migrations import migrate
from adapters.postgres.pool import build_pool, opened
from adapters.system.clock import SystemClock
from application.use_cases.front_ends.add_front_end import AddFrontEndCommand
from entrypoints.cli import app
from tests.support.databases import (
    APPLICATION_ROLE,
    as_application,
    change,
    new_database,
    rows_of,
)
from tests.support.environment import required_settings, token_keys
from tests.support.product import SERVICE_URL, Browser, Product, SignedIn, running_product

pytestmark = pytest.mark.postgres

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
NEW_ICN, ANOTHERS_ICN = "1000000000V000001", "1012861229V078999"
REASON = ("--reason", "lost_phone")


@pytest.fixture(scope="module")
def database(database_url: str) -> Iterator[str]:
    with new_database(database_url) as url:
        migrate(url, application_role=APPLICATION_ROLE)
        yield url


@pytest.fixture
async def product(database: str) -> AsyncIterator[Product]:
    change(database, "TRUNCATE vetassist_users CASCADE")
    async with (
        opened(build_pool(as_application(database), max_size=4)) as pool,
        running_product(pool=pool, clock=SystemClock(), frontend_url=SERVICE_URL) as product,
    ):
        yield product


class Desk:
    """An operator's command line. It has the settings of the service."""

    def __init__(self, database: str, product: Product) -> None:
        settings = product.settings
        keys = {key_id: key.reveal() for key_id, key in settings.token_keys.items()}
        self._settings = required_settings(as_application(database)) | {
            "VETASSIST_TOKEN_KEYS": token_keys(keys),
            "VETASSIST_AUDIT_KEY": settings.audit_key.reveal().hex(),
            "VETASSIST_OPERATOR": "pat",
        }

    async def __call__(self, *arguments: str, stdin: str = "") -> Result:
        with patch.dict(os.environ, self._settings, clear=True):
            return await asyncio.to_thread(
                CliRunner().invoke, app, ["user", *arguments], input=stdin
            )

    async def json(self, *arguments: str, stdin: str = "") -> Any:
        result = await self(*arguments, "--json", stdin=stdin)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


@pytest.fixture
def desk(database: str, product: Product) -> Desk:
    return Desk(database, product)


def browser(product: Product, user_agent: str) -> Browser:
    made = product.browser()
    made.http.headers["User-Agent"] = user_agent
    return made


async def history(signed_in: SignedIn) -> list[dict[str, Any]]:
    answer = await signed_in.browser.get("/api/v1/history", headers=signed_in.headers)
    assert answer.status_code == 200, answer.text
    events: list[dict[str, Any]] = answer.json()["events"]
    return events


async def status_of(signed_in: SignedIn) -> int:
    return (await signed_in.browser.get("/api/v1/session", headers=signed_in.headers)).status_code


async def reference_of(product: Product, veteran: str) -> tuple[str, str]:
    """A sign-in that fails: the code and the reference that the error page shows."""
    turned_away = product.browser()
    answer = await turned_away.attempt(veteran)
    page = await turned_away.get(answer.headers["location"])
    shown = page.text.split("Reference (for support)")[1]
    code = page.text.split("Reason (for support)")[1]
    return _in_code(code), _in_code(shown)


def _in_code(text: str) -> str:
    return text.split("<code>")[1].split("</code>", maxsplit=1)[0]


async def test_i_lost_my_phone(product: Product, desk: Desk, database: str) -> None:
    command = AddFrontEndCommand(name="Claims", url="https://claims.example.org")
    front_end = await product.container.add_front_end().execute(command)
    phone = await browser(product, PHONE).sign_in(front_end=front_end.id)
    laptop = await browser(product, FIREFOX).sign_in()
    await browser(product, FIREFOX).sign_in("janet-moore")

    found = await desk.json("find", "Ellis,", "tam")
    (user,) = found["users"]
    shown = await desk.json("show", user["user_id"])
    assert {each["device"] for each in shown["sessions"]} == {
        "Mobile Safari on iPhone",
        "Firefox on Linux",
    }
    (lost,) = [each for each in shown["sessions"] if "iPhone" in each["device"]]
    assert (lost["front_end"], lost["front_end_id"]) == ("Claims", str(front_end.id))
    # The host of the front end in the command's settings.
    others = [each["front_end"] for each in shown["sessions"] if each is not lost]
    assert others == ["vetassist.ganuda.us"]
    end = ("end-session", user["user_id"], lost["session_id"], *REASON)
    assert (await desk.json(*end, "--dry-run"))["changed"] is True
    assert await status_of(phone) == 200
    ended = await desk(*end)
    assert (ended.exit_code, ended.stdout) == (0, "The session ended.\n")

    assert (await status_of(phone), await status_of(laptop)) == (401, 200)
    event, looked, found_by = (await history(laptop))[:3]
    assert event["type"] == "session_ended_by_operator"
    assert event["summary"] == "VetAssist ended one of your sessions."
    assert (event["device"], event["session_id"]) == (
        "Mobile Safari on iPhone",
        lost["session_id"],
    )
    # What the operator noted is for operators.
    assert "lost_phone" not in json.dumps(event)
    assert (looked["type"], found_by["type"]) == ("user_shown", "user_found")
    trail = rows_of(
        database, "SELECT operator, event_data FROM vetassist_auth_audit WHERE operator = 'pat'"
    )
    assert [row["event_data"].get("reason") for row in trail] == [None, None, "lost_phone"]


async def test_it_says_identity_conflict_and_nobody_has_the_new_icn(
    product: Product, desk: Desk
) -> None:
    before = await product.browser().sign_in()
    product.faults(status_overrides={"value": {"id": NEW_ICN}})
    code, reference = await reference_of(product, "tamara-ellis")
    assert code == "identity_conflict"

    found = await desk.json("find", reference)
    (user,), (event,) = found["users"], found["events"]
    shown = await desk.json("show", user["user_id"])
    # The trail names the account as `show` does, and nobody else.
    assert event["data"] == {
        "error": "identity_conflict",
        "reason": "subject_of_another_user",
        "account": shown["identities"][0]["account"],
    }
    arguments = ("change-icn", user["user_id"], "-", "--reason", "va_changed_icn")
    would = await desk.json(*arguments, "--dry-run", stdin=f"{NEW_ICN}\n")
    assert (would["changed"], would["dry_run"], would["merged"]) == (True, True, None)
    assert (await desk.json("show", user["user_id"]))["icn"] != NEW_ICN

    changed = await desk(*arguments, stdin=f"{NEW_ICN}\n")

    assert changed.exit_code == 0, changed.output
    assert NEW_ICN not in changed.output
    again = await product.browser().sign_in()
    assert (await desk.json("show", user["user_id"]))["icn"] == NEW_ICN
    assert await status_of(before) == 200
    assert "icn_changed" in [event["type"] for event in await history(again)]
    assert (await desk.json(*arguments, stdin=NEW_ICN))["changed"] is False


@pytest.mark.parametrize("keeps", ["the holder", "the caller"])
async def test_it_says_identity_conflict_and_another_user_has_the_new_icn(
    product: Product, desk: Desk, database: str, keeps: str
) -> None:
    tamara = await browser(product, PHONE).sign_in("tamara-ellis")
    janet = await browser(product, FIREFOX).sign_in("janet-moore")
    product.faults(status_overrides={"value": {"id": ANOTHERS_ICN}})
    code, reference = await reference_of(product, "tamara-ellis")
    assert code == "identity_conflict"

    found = await desk.json("find", reference)
    names = {each["given_name"]: each["user_id"] for each in found["users"]}
    assert names.keys() == {"Tamara", "Janet"}
    arguments = ("change-icn", names["Tamara"], "-", "--reason", "va_merged")
    refused = await desk(*arguments, stdin=ANOTHERS_ICN)
    assert refused.exit_code == 11
    assert refused.stderr.splitlines() == [
        "vetassist: another user has this ICN: --merge-into says which of the two stays"
    ]
    assert all(user_id in refused.stdout for user_id in names.values())
    assert ANOTHERS_ICN not in refused.output

    keep = names["Janet" if keeps == "the holder" else "Tamara"]
    done = await desk.json(*arguments, "--merge-into", keep, stdin=ANOTHERS_ICN)

    (gone,) = set(names.values()) - {keep}
    assert (done["user_id"], done["merged"], done["sessions"]) == (keep, gone, 1)
    stands, ended = (janet, tamara) if keeps == "the holder" else (tamara, janet)
    assert (await status_of(stands), await status_of(ended)) == (200, 401)
    # Both accounts at VA lead to the one who stays, whose history has both lives.
    for veteran in ("tamara-ellis", "janet-moore"):
        again = await product.browser().sign_in(veteran)
        assert (await desk.json("show", keep))["merged_users"] == [gone]
        events = await history(again)
        assert {event["device"] for event in events} >= {
            "Mobile Safari on iPhone",
            "Firefox on Linux",
        }
        assert [event["type"] for event in events].count("user_merged") == 2
    merged = rows_of(
        database, "SELECT event_data FROM vetassist_auth_audit WHERE event_type = 'user_merged'"
    )
    assert len(merged) >= 2
    outbox = rows_of(database, "SELECT user_id FROM vetassist_va_revocations")
    assert UUID(gone) in {row["user_id"] for row in outbox}
    trail = rows_of(database, "SELECT event_data::text AS data FROM vetassist_auth_audit")
    assert not [row for row in trail if ANOTHERS_ICN in row["data"]]


async def test_my_error_page_shows_a_reference(product: Product, desk: Desk) -> None:
    code, reference = await reference_of(product, "decline")
    assert code == "access_denied"

    found = await desk("find", reference)

    # Nobody is known by it, and what happened is known all the same.
    assert found.exit_code == 0
    assert "error=access_denied" in found.stdout
    assert found.stderr == "vetassist: the request concerns no known user\n"
    unknown = await desk("find", "0baadf123456-1")
    assert (unknown.exit_code, unknown.stdout) == (6, "")
    assert "no event has this reference" in unknown.stderr
    for part in ("0baadf", "0BAADF123456", "0baadf123456-"):
        assert "a reference must be whole" in (await desk("find", part)).stderr


async def test_unlink_me(product: Product, desk: Desk, database: str) -> None:
    signed_in = await product.browser().sign_in()
    (row,) = rows_of(database, "SELECT id FROM vetassist_users")
    user_id = str(row["id"])
    would = await desk("unlink", user_id, *REASON, "--dry-run")
    assert would.stdout == "The user would be unlinked; 1 sessions would end.\n"
    assert await status_of(signed_in) == 200

    done = await desk.json("unlink", user_id, *REASON)

    assert done == {"user_id": user_id, "sessions": 1, "changed": True, "dry_run": False}
    assert await status_of(signed_in) == 401
    shown = await desk.json("show", user_id)
    assert (shown["link"], shown["identities"]) == (None, [])
    again = await product.browser().sign_in()
    assert "va_unlinked_by_operator" in [event["type"] for event in await history(again)]


async def test_people_read_what_scripts_get(product: Product, desk: Desk, database: str) -> None:
    await browser(product, PHONE).sign_in()
    (row,) = rows_of(database, "SELECT id FROM vetassist_users")
    user_id = str(row["id"])
    found = (await desk("find", "tamara")).stdout
    assert user_id in found
    assert "Tamara Ellis" in found
    shown = await desk("show", user_id)
    assert shown.exit_code == 0
    for text in (user_id, "Tamara Ellis", "1012667145V762142", "Mobile Safari on iPhone", "Scopes"):
        assert text in shown.stdout
    assert "\x1b" not in shown.stdout


@pytest.mark.parametrize("icn", ["1012667145V76214", "", "x", "1012667145v762142", "nobody@x"])
async def test_what_is_no_icn_is_refused_without_repeating_it(desk: Desk, icn: str) -> None:
    user_id = "00000000-0000-4000-8000-000000000001"
    refused = await desk("change-icn", user_id, "-", *REASON, stdin=f"{icn}\n")
    assert refused.exit_code == 2
    assert refused.stderr == "vetassist: NEW_ICN must be ten digits, a V and six digits\n"


async def test_whoever_does_not_exist_is_an_error_of_its_own(desk: Desk) -> None:
    nobody = "00000000-0000-4000-8000-000000000001"
    for arguments, said in (
        (("find", "nobody at all"), "no user matches"),
        (("show", nobody), "there is no such user"),
        (("end-session", nobody, nobody, *REASON), "the user has no such session"),
        (("unlink", nobody, *REASON), "there is no such user"),
        (("change-icn", nobody, NEW_ICN, *REASON), "there is no such user"),
    ):
        result = await desk(*arguments)
        assert (result.exit_code, result.stderr) == (6, f"vetassist: {said}\n"), arguments


async def test_more_users_than_are_shown_are_told(desk: Desk, database: str) -> None:
    change(
        database,
        "INSERT INTO vetassist_users (last_name) SELECT 'Ellis' || n FROM generate_series(1, 4) n",
    )
    found = await desk("find", "ELLIS", "--limit", "3")
    assert found.exit_code == 0
    assert "more than 3 users match" in found.stderr
    assert (await desk.json("find", "ellis", "--limit", "4"))["has_more"] is False
