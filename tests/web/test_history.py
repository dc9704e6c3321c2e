"""The caller's own history: what it tells, to whom, and how it leaves as a file."""

import csv
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from io import StringIO
from typing import Any

import httpx
import pytest

from application.errors import UnavailableError
from domain.audit_event import AuditEvent, AuditEventType
from domain.audit_record import AuditFilter, AuditMark, AuditRecord
from domain.identifiers import UserId
from domain.visitor import Visitor
from entrypoints.web.history_files import as_csv, as_json
from entrypoints.web.marks import mark_of, text_of
from tests.support.builders import NOW
from tests.support.product import Browser, Product, SignedIn, running_product, serving

HISTORY = "/api/v1/history"
EXPORT = "/api/v1/history/export"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    async with running_product() as product:
        yield product


def firefox(product: Product) -> Browser:
    browser = product.browser()
    browser.http.headers["User-Agent"] = FIREFOX
    return browser


async def history(signed_in: SignedIn, **query: str) -> dict[str, Any]:
    answer = await signed_in.browser.get(HISTORY, headers=signed_in.headers, params=query)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def user_id_of(signed_in: SignedIn) -> UserId:
    answer = await signed_in.browser.get("/api/v1/session", headers=signed_in.headers)
    return UserId(answer.json()["user_id"])


def add(product: Product, user_id: UserId, number: int) -> None:
    """So many more events, a second apart."""
    session = product.sessions[0]
    assert str(session.user_id) == str(user_id)
    product.store.committed.audit.extend(
        AuditEvent.of_user(
            AuditEventType.LOGOUT_ALL,
            session.user_id,
            visitor=Visitor(),
            now=product.clock.now() + timedelta(seconds=position + 1),
            sessions=position,
        )
        for position in range(number)
    )


async def test_a_sign_in_is_told_in_plain_words_with_its_device_and_reference(
    product: Product,
) -> None:
    browser = firefox(product)
    answer = await browser.attempt()
    signed_in = SignedIn.of(browser, answer)
    page = await history(signed_in)

    login, linked = page["events"]
    assert page["next"] is None
    assert login["summary"] == "You signed in with VA.gov."
    assert login["device"] == "Firefox on Linux"
    assert login["type"] == "login"
    assert login["reference"] == answer.headers["x-request-id"]
    assert login["details"] == {"method": "va_oauth"}
    assert linked["summary"] == "Your VA.gov account was linked to VetAssist."
    assert linked["session_id"] is None


async def test_what_is_told_is_the_callers_own_and_nobody_elses(product: Product) -> None:
    tamara = await product.sign_in("tamara-ellis")
    jesse = await product.sign_in("janet-moore")
    await jesse.browser.delete("/api/v1/session", headers=jesse.headers)
    jesse = await product.sign_in("janet-moore")

    mine = await history(tamara)
    theirs = await history(jesse)

    assert [event["type"] for event in mine["events"]] == ["login", "va_linked"]
    assert [event["type"] for event in theirs["events"]].count("login") == 2
    mine_file = await tamara.browser.get(EXPORT, headers=tamara.headers)
    assert mine_file.json()["events"] == mine["events"]


@pytest.mark.parametrize(
    ("type_", "shown"),
    [
        (AuditEventType.USER_DISABLED, {"sessions": 1}),
        (AuditEventType.USER_ENABLED, {"sessions": 1}),
        (AuditEventType.LOGOUT_BY_OPERATOR, {"sessions": 1}),
        (AuditEventType.SESSION_ENDED, {"sessions": 1, "reason": "case-17"}),
    ],
)
async def test_why_an_operator_did_something_is_between_operators(
    product: Product, type_: AuditEventType, shown: dict[str, object]
) -> None:
    signed_in = await product.sign_in()
    event = AuditEvent.of_user(
        type_,
        product.sessions[0].user_id,
        visitor=Visitor(),
        now=product.clock.now() + timedelta(seconds=1),
        sessions=1,
        reason="case-17",
    )
    product.store.committed.audit.append(event)

    assert (await history(signed_in))["events"][0]["details"] == shown


@pytest.mark.parametrize("path", [HISTORY, EXPORT])
async def test_without_a_session_there_is_no_history(product: Product, path: str) -> None:
    assert (await product.browser().get(path)).status_code == 401


async def test_pages_join_without_gap_or_repetition(product: Product) -> None:
    signed_in = await product.sign_in()
    add(product, await user_id_of(signed_in), 60)
    pages = [await history(signed_in)]
    while pages[-1]["next"] is not None:
        pages.append(await history(signed_in, after=pages[-1]["next"]))

    assert [len(page["events"]) for page in pages] == [25, 25, 12]
    told = [event["details"].get("sessions") for page in pages for event in page["events"]]
    assert told == [*range(59, -1, -1), None, None]


@pytest.mark.parametrize(
    "after",
    [
        "",
        "x",
        "=",
        "a" * 201,
        "\u00e9",
        urlsafe_b64encode(b"2026-01-01 1").decode().rstrip("="),
        urlsafe_b64encode(b"2026-01-01T00:00:00 1").decode().rstrip("="),
        urlsafe_b64encode(b"2026-01-01T00:00:00Z \x00").decode().rstrip("="),
        urlsafe_b64encode(b"0001-01-01T00:00:00+23:00 1").decode().rstrip("="),
        urlsafe_b64encode(b"2026-01-01T00:00:00+01:00 1").decode().rstrip("="),
    ],
)
async def test_a_mark_that_is_none_of_ours_is_refused(product: Product, after: str) -> None:
    signed_in = await product.sign_in()
    answer = await signed_in.browser.get(
        HISTORY, headers=signed_in.headers, params={"after": after}
    )
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("path", "query"),
    [(HISTORY, "after=a&after=b"), (EXPORT, "format=xml"), (EXPORT, "format=csv&format=json")],
)
async def test_what_makes_no_sense_is_refused(product: Product, path: str, query: str) -> None:
    signed_in = await product.sign_in()
    answer = await signed_in.browser.get(f"{path}?{query}", headers=signed_in.headers)
    assert answer.status_code == 400


def test_a_mark_comes_back_as_it_was() -> None:
    mark = AuditMark(occurred_at=NOW, key="00000000000000000007")
    assert mark_of(text_of(mark)) == mark


async def test_everything_leaves_as_a_file_in_both_forms(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Several pages, of which none is more than the others.
    monkeypatch.setattr("entrypoints.web.history_endpoints._EXPORT_PAGE", 7)
    signed_in = await product.sign_in()
    add(product, await user_id_of(signed_in), 40)
    files = {
        name: await signed_in.browser.get(
            EXPORT, headers=signed_in.headers, params={} if name == "json" else {"format": name}
        )
        for name in ("json", "csv")
    }
    for name, answer in files.items():
        assert answer.status_code == 200
        wanted = f'attachment; filename="vetassist-history.{name}"'
        assert answer.headers["content-disposition"] == wanted
        assert answer.headers["cache-control"] == "no-store"

    events = files["json"].json()["events"]
    assert [event["details"].get("sessions") for event in events] == [
        *range(39, -1, -1),
        None,
        None,
    ]
    assert files["csv"].headers["content-type"] == "text/csv; charset=utf-8"
    # Excel takes text without this mark for one of another encoding, and lines end as it ends them.
    assert files["csv"].content.startswith(b"\xef\xbb\xbf")
    assert files["csv"].content.count(b"\n") == files["csv"].content.count(b"\r\n") > 1
    rows = list(csv.DictReader(StringIO(files["csv"].content.decode("utf-8-sig"))))
    assert [row["occurred_at"] for row in rows] == [event["occurred_at"] for event in events]
    assert rows[-2]["summary"] == "You signed in with VA.gov."


async def fields(*changes: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    plain = dict.fromkeys(("occurred_at", "summary", "type", "session_id", "reference"))
    for change in changes:
        yield {**plain, "device": None, **change}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
async def test_no_cell_of_a_table_is_one_that_a_spreadsheet_would_run(start: str) -> None:
    hostile = f'{start}HYPERLINK("https://canary.example"),x'
    text = b"".join([line async for line in as_csv(fields({"device": hostile}))]).decode(
        "utf-8-sig"
    )
    (row,) = csv.DictReader(StringIO(text, newline=""))
    assert row["device"] == f"'{hostile}"
    assert row["session_id"] == ""


@pytest.mark.parametrize("number", [0, 1, 3])
async def test_a_file_of_any_length_is_one_document(number: int) -> None:
    events = fields(*[{"summary": str(position)} for position in range(number)])
    text = b"".join([part async for part in as_json(events)])
    assert [each["summary"] for each in json.loads(text)["events"]] == [
        str(position) for position in range(number)
    ]


class Fails:
    """A trail that is lost after so many reads."""

    def __init__(self, product: Product, reads: int) -> None:
        self._history = product.container.audit_history()
        self._left = reads

    async def list(
        self, wanted: AuditFilter, *, after: AuditMark | None, limit: int
    ) -> Sequence[AuditRecord]:
        self._left -= 1
        if self._left < 0:
            raise UnavailableError("postgres")
        return await self._history.list(wanted, after=after, limit=limit)


@pytest.mark.parametrize("path", [HISTORY, EXPORT])
async def test_an_outage_is_no_empty_history(product: Product, path: str) -> None:
    signed_in = await product.sign_in()
    product.container.read_history()._history = Fails(product, 0)
    answer = await signed_in.browser.get(path, headers=signed_in.headers)
    assert answer.status_code == 503
    assert "content-disposition" not in answer.headers


async def test_an_outage_on_the_way_leaves_a_file_that_is_plainly_not_whole(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("entrypoints.web.history_endpoints._EXPORT_PAGE", 7)
    signed_in = await product.sign_in()
    add(product, await user_id_of(signed_in), 20)
    product.container.read_history()._history = Fails(product, 2)
    async with serving(product.app) as (url, _), httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(f"{url}{EXPORT}", headers=signed_in.headers)
    assert "unhandled_error" in {line["event"] for line in product.logged}


@pytest.mark.case(72)
async def test_a_session_that_has_ended_shows_no_history(product: Product) -> None:
    signed_in = await product.sign_in()
    browser = signed_in.browser
    await browser.delete("/api/v1/session", headers=signed_in.headers)
    answers: list[httpx.Response] = [
        await browser.get(path, headers=signed_in.headers) for path in (HISTORY, EXPORT)
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
