"""Who it is that signed in: the sources of the ICN, their silence, and their contradictions."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from domain.identifiers import ICN
from domain.veteran_status import VeteranStatus
from tests.security.denials import (
    EXCHANGE_FAILED,
    IDENTITY_MISSING,
    PROVIDER_UNAVAILABLE,
    assert_denied,
    assert_turned_away,
)
from tests.support.product import Product, running_product

CONFLICT = "identity_conflict"
TAMARAS = "1012667145V762142"
NOBODYS = "1099999999V999999"

#: Ways of the status API to say nothing; each is tried twice, so the pause between is paid once.
SILENCE: dict[str, dict[str, Any]] = {
    "ERROR with 200": {"status_error": {}},
    "429": {"status": {"answer": 429}},
    "500": {"status": {"answer": 500}},
    "503": {"status": {"answer": 503}},
    "504": {"status": {"answer": 504}},
    "userinfo 503": {"userinfo": {"answer": 503}},
}


def user_of(product: Product, icn: str = TAMARAS) -> Any:
    user = product.store.committed.user_of(ICN(icn))
    assert user is not None
    return user


@pytest.mark.parametrize(
    ("veteran", "status"),
    [
        ("tamara-ellis", VeteranStatus.CONFIRMED),
        ("greg-anderson", VeteranStatus.NOT_CONFIRMED),
        ("jesse-gray", VeteranStatus.NOT_CONFIRMED),
    ],
)
async def test_what_va_says_of_the_status_is_stored(
    sandboxed: Product, veteran: str, status: VeteranStatus
) -> None:
    await sandboxed.sign_in(veteran)

    (user,) = sandboxed.store.committed.users.values()
    assert user.status is status


async def test_what_is_asked_about_one_person_is_one_conversation_and_nobody_elses(
    sandboxed: Product,
) -> None:
    # A connection is kept within a conversation only, so that no answer is another person's.
    await asyncio.gather(*(sandboxed.sign_in(each) for each in ("tamara-ellis", "janet-moore")))

    calls = [["token", "userinfo", "status"]] * 2
    assert sandboxed.conversations == calls


@pytest.mark.case(45)
async def test_whom_va_does_not_know_is_denied(sandboxed: Product) -> None:
    answer = await sandboxed.browser().attempt("no-icn")

    assert_denied(sandboxed, answer, IDENTITY_MISSING, reason="no_icn")


@pytest.mark.case(45)
@pytest.mark.parametrize("plan", SILENCE.values(), ids=SILENCE.keys())
async def test_va_that_cannot_be_heard_admits_whom_it_named_before_and_nobody_else(
    sandboxed: Product, plan: dict[str, Any]
) -> None:
    sandboxed.faults(**plan)
    stranger = await sandboxed.browser().attempt()
    assert_denied(sandboxed, stranger, PROVIDER_UNAVAILABLE)
    sandboxed.faults()
    await sandboxed.sign_in()
    before = user_of(sandboxed)
    sandboxed.clock.advance(timedelta(hours=1))

    sandboxed.faults(**plan)
    await sandboxed.sign_in()

    after = user_of(sandboxed)
    assert (after.id, after.icn, after.status) == (before.id, before.icn, before.status)
    assert after.last_login_at == sandboxed.clock.now()
    assert len(sandboxed.store.committed.users) == 1


async def test_a_passing_fault_of_the_status_api_is_not_noticed(sandboxed: Product) -> None:
    sandboxed.faults(status={"answer": 503, "times": 1})

    await sandboxed.sign_in()

    assert user_of(sandboxed).status is VeteranStatus.CONFIRMED


@pytest.mark.case(45)
@pytest.mark.parametrize(
    "fault",
    [
        {"answer": 400},
        {"answer": 401},
        {"answer": 404},
        {"answer": "redirect"},
        {"answer": "html"},
        {"answer": 200, "body": "[]"},
        {"answer": 200, "body": "{}"},
        {"answer": 200, "body": '{"data":[]}'},
        {"answer": 200, "body": '{"data":{"id":"1012667145V762142"}}'},
        {"answer": 200, "body": '{"data":{"id":"1","id":"2","attributes":{}}}'},
    ],
    ids=str,
)
async def test_a_status_that_is_refused_or_malformed_is_denied_known_or_not(
    sandboxed: Product, fault: dict[str, Any]
) -> None:
    sandboxed.faults(status=fault)
    assert_denied(sandboxed, await sandboxed.browser().attempt(), EXCHANGE_FAILED)
    sandboxed.faults()
    await sandboxed.sign_in()
    sandboxed.faults(status=fault)

    answer = await sandboxed.browser().attempt()

    assert_turned_away(sandboxed, answer, EXCHANGE_FAILED)
    assert len(sandboxed.sessions) == 1
    assert sandboxed.sandbox.counters.redirects_followed == 0


@pytest.mark.parametrize("status", ["CONFIRMED", "", None, 7, [], {}, "unknown"], ids=repr)
async def test_a_status_that_va_has_no_word_for_is_unknown(
    sandboxed: Product, status: object
) -> None:
    sandboxed.faults(status_overrides={"value": {"attributes": {"veteran_status": status}}})

    await sandboxed.sign_in()

    assert user_of(sandboxed).status is VeteranStatus.UNKNOWN


@pytest.mark.case(45)
async def test_a_malformed_icn_of_the_status_api_is_denied(sandboxed: Product) -> None:
    sandboxed.faults(malformed_icn={})

    answer = await sandboxed.browser().attempt()

    assert_denied(sandboxed, answer, IDENTITY_MISSING, reason="icn_malformed")


@pytest.mark.case(45)
async def test_sources_that_name_different_people_are_denied(sandboxed: Product) -> None:
    sandboxed.faults(icn_mismatch={})

    answer = await sandboxed.browser().attempt()

    assert_denied(sandboxed, answer, EXCHANGE_FAILED, reason="icn_disagreement")


@pytest.mark.case(45)
async def test_patient_alone_will_do_when_the_status_api_is_not_called() -> None:
    async with running_product(va_status_url="", va_scopes="openid launch/patient") as product:
        await product.sign_in()

        assert user_of(product).status is VeteranStatus.UNKNOWN
        assert product.sandbox.counters.requests["status"] == 0


@pytest.mark.case(45)
async def test_the_status_api_is_not_asked_without_its_scope(sandboxed: Product) -> None:
    sandboxed.faults(token_overrides={"value": {"scope": "openid profile"}})

    answer = await sandboxed.browser().attempt()

    assert_denied(sandboxed, answer, IDENTITY_MISSING, reason="no_icn")
    assert sandboxed.sandbox.counters.requests["status"] == 0


@pytest.mark.parametrize("icn", [NOBODYS, "1012861229V078999"], ids=["nobody's", "another's"])
async def test_an_account_that_comes_back_as_another_person_is_a_conflict_and_changes_nothing(
    sandboxed: Product, icn: str
) -> None:
    await sandboxed.sign_in("tamara-ellis")
    await sandboxed.sign_in("janet-moore")
    users = dict(sandboxed.store.committed.users)
    tokens = dict(sandboxed.store.committed.va_tokens)
    sandboxed.faults(status_overrides={"value": {"id": icn}})
    sandboxed.secrets.add(icn)

    answer = await sandboxed.browser().attempt("tamara-ellis")

    assert_turned_away(sandboxed, answer, CONFLICT)
    assert sandboxed.store.committed.users == users
    assert sandboxed.store.committed.va_tokens == tokens
    assert len(sandboxed.sessions) == 2
    assert sandboxed.audit[-1].data["reason"] == "subject_of_another_user"


async def test_an_account_that_names_another_person_while_va_is_silent_is_a_conflict(
    sandboxed: Product,
) -> None:
    await sandboxed.sign_in("tamara-ellis")
    sandboxed.faults(userinfo_overrides={"value": {"icn": NOBODYS}}, status={"answer": 503})
    sandboxed.secrets.add(NOBODYS)

    answer = await sandboxed.browser().attempt("tamara-ellis")

    assert_turned_away(sandboxed, answer, CONFLICT)
    assert len(sandboxed.sessions) == 1


async def test_two_accounts_of_one_veteran_are_one_user(sandboxed: Product) -> None:
    await sandboxed.sign_in("tamara-ellis")
    sandboxed.faults(status_overrides={"value": {"id": TAMARAS}})

    await sandboxed.sign_in("janet-moore")

    (user,) = sandboxed.store.committed.users.values()
    assert set(sandboxed.store.committed.aliases.values()) == {user.id}
    assert len(sandboxed.store.committed.aliases) == 2
    # The newest sign-in's names stand, whichever account it came by.
    assert user.given_name == "Janet"


async def test_names_are_kept_as_text_fit_to_show(sandboxed: Product) -> None:
    sandboxed.faults(
        userinfo_overrides={
            "value": {
                "given_name": "  Tam\u0000ara\u202e\n",
                "family_name": "x" * 5000,
                "email": ["not", "a", "text"],
            }
        }
    )

    await sandboxed.sign_in()

    user = user_of(sandboxed)
    assert (user.given_name, user.family_name, user.email) == ("Tamara", None, None)
