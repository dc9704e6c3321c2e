"""What every UserRecords promises, run against each adapter."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import pytest

from application.ports.unit_of_work import UnitOfWorkFactory
from domain.identifiers import UserId
from domain.user_record import KnownAccount, UserSummary, VALink
from domain.user_search import ByEmail, ById, ByName, ByReference, parse_user_search
from tests.support.builders import (
    NOW,
    a_session_id,
    a_user_id,
    an_account,
    an_icn,
    an_identity,
    some_sealed_tokens,
)
from tests.support.storage import (
    Storage,
    a_stored_session,
    a_stored_user,
    link,
    revoke,
)

A_DAY: Final = timedelta(days=1)


async def a_person(
    storage: Storage,
    given_name: str | None,
    family_name: str | None,
    *,
    email: str | None = None,
) -> UserId:
    identity = an_identity(given_name=given_name, family_name=family_name, email=email)
    return (await a_stored_user(storage.unit_of_work, identity)).id


async def found(storage: Storage, text: str, *, limit: int = 100) -> list[UserId]:
    wanted = parse_user_search(text)
    assert not isinstance(wanted, ByReference)
    return ids(await storage.user_records.search(wanted, limit=limit))


def ids(summaries: Sequence[UserSummary]) -> list[UserId]:
    return [each.user.id for each in summaries]


async def test_a_user_is_found_by_id_and_by_icn(storage: Storage) -> None:
    user = await a_stored_user(storage.unit_of_work)
    await a_stored_user(storage.unit_of_work)
    assert user.icn is not None
    for text in (
        str(user.id),
        str(user.id).upper(),
        f"  {user.id}\n",
        user.icn.value,
        user.icn.value.lower(),
    ):
        assert await found(storage, text) == [user.id], text
    assert await found(storage, str(a_user_id())) == []
    assert await found(storage, an_icn().value) == []


async def test_the_owner_of_a_session_is_found_by_its_id_even_after_its_end(
    storage: Storage,
) -> None:
    session = await a_stored_session(storage.unit_of_work)
    assert await found(storage, str(session.id)) == [session.user_id]
    async with storage.unit_of_work() as work:
        await revoke(work, session.user_id, session.id)
        await work.commit()
    assert await found(storage, str(session.id)) == [session.user_id]
    assert await found(storage, str(a_session_id())) == []


async def test_a_user_is_found_by_the_whole_e_mail_address_in_any_case(storage: Storage) -> None:
    domain = f"{a_user_id().hex}.example"
    one = await a_person(storage, "A", "B", email=f"Tamara.Ellis@{domain}")
    await a_person(storage, "A", "B", email=f"tamara.ellis2@{domain}")
    assert await found(storage, f"tamara.ellis@{domain.upper()}") == [one]
    assert await found(storage, f"tamara@{domain}") == []
    assert await found(storage, f"%@{domain}") == []


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("tam", True),
        ("TAMARA", True),
        ("Tamara Ell", True),
        ("tam ell", True),
        ("ellis, tamara", True),
        ("Ellis,tam", True),
        ("ellis tamara", True),
        ("ellis,", True),
        (", tam", True),
        ("  tamara   ellis  ", True),
        ("tamara\u00a0ellis", True),
        ("amara", False),
        ("tamara, ellis", False),
        ("tamara ellison", False),
        ("tamara%", False),
        ("t_mara", False),
    ],
)
async def test_a_user_is_found_by_the_beginning_of_names_in_any_case(
    storage: Storage, text: str, *, is_found: bool
) -> None:
    # Nobody else in this store has such names.
    mark = f"n{a_user_id().hex}"
    user = await a_person(storage, f"Tamara{mark}", f"Ellis{mark}")
    for name in ("Tamara", "Ellis"):
        text = text.replace(name.lower(), name.lower() + mark) if name.lower() in text else text
    assert (user in await found(storage, text, limit=10_000)) is is_found


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        ("Muñoz", "MUÑOZ"),
        ("Muñoz", "munoz"),
        ("MUÑOZ", "muñoz"),
        ("Mun\u0303oz", "Muñoz"),
        ("Núñez", "nun"),
        ("Strauß", "STRAUSS"),
        ("STRAUẞ", "strauß"),
        ("Ångström", "ANGSTROM"),
        ("Łukasz", "łukasz"),
        ("Łukasz", "lukasz"),
        ("Ørsted", "ørsted"),
        ("Dvořák", "DVOŘÁK"),
        ("İnan", "inan"),
        ("Иванов", "ИВАНОВ"),
        ("Παπαδόπουλος", "ΠΑΠΑΔΟΠΟΥΛΟΣ"),
        ("Ալեքսանյան", "ԱԼԵՔՍԱՆՅԱՆ"),
        ("O\u2019Brien", "o'brien"),
        ("O'Brien", "O\u2019BRIEN"),
        ("Smith\u2011Jones", "smith-jones"),
        ("\u5c71\u7530", "\u5c71"),
        ("de la Cruz", "DE LA CRUZ"),
        ("van  der Berg", "van der berg"),
        ("Ana\u200dMaria", "anamaria"),
    ],
)
async def test_case_and_accents_of_any_script_do_not_matter(
    storage: Storage, stored: str, text: str
) -> None:
    mark = f"n{a_user_id().hex}"
    user = await a_person(storage, mark, stored)
    assert await found(storage, f"{text}, {mark}") == [user]
    assert await found(storage, f"{mark} {text}") == [user]


async def test_names_of_several_words_are_found_however_they_are_split(storage: Storage) -> None:
    mark = f"n{a_user_id().hex}"
    user = await a_person(storage, f"Mary Ann {mark}", "de la Cruz")
    for text in (f"mary ann {mark}", f"Mary Ann {mark} de la", f"de la cruz mary ann {mark}"):
        assert await found(storage, text) == [user], text


async def test_whoever_has_no_name_is_found_by_no_name(storage: Storage) -> None:
    mark = f"n{a_user_id().hex}"
    user = await a_person(storage, None, mark)
    assert await found(storage, mark) == [user]
    assert await found(storage, f"{mark}, x") == []


async def test_the_shortest_names_come_first_and_no_more_than_asked_for(
    storage: Storage,
) -> None:
    mark = f"n{a_user_id().hex}"
    longest, long, short = [
        await a_person(storage, "A", f"Ellis{mark}{more}") for more in ("zz", "z", "")
    ]
    text = f"ellis{mark}"
    assert await found(storage, text) == [short, long, longest]
    assert await found(storage, text, limit=2) == [short, long]
    # Who fits in two ways is one user.
    both = await a_person(storage, f"{mark}x", f"{mark}x")
    assert await found(storage, f"{mark}x") == [both]


async def test_several_users_are_given_by_their_ids(storage: Storage) -> None:
    users = sorted([(await a_stored_user(storage.unit_of_work)).id for _ in range(3)])
    records = await storage.user_records.find_all([*reversed(users), a_user_id()])
    assert ids(records) == users
    assert await storage.user_records.find_all([]) == []


async def test_a_summary_says_who_it_is_and_since_when(storage: Storage) -> None:
    identity = an_identity()
    user = await a_stored_user(storage.unit_of_work, identity, now=NOW)
    user = await a_stored_user(storage.unit_of_work, identity, now=NOW + A_DAY)
    (summary,) = await storage.user_records.search(ById(UUID(str(user.id))), limit=1)
    assert (summary.user, summary.created_at) == (user, NOW)


async def test_a_record_has_everything_that_belongs_to_the_user(storage: Storage) -> None:
    one, other = an_account(), an_account()
    icn = an_icn()
    for account, day in ((one, 0), (other, 1), (one, 2)):
        identity = an_identity(icn, issuer=account.issuer, subject=account.subject)
        user = await a_stored_user(storage.unit_of_work, identity, now=NOW + day * A_DAY)
    await a_stored_session(storage.unit_of_work)
    async with storage.unit_of_work() as work:
        tokens = some_sealed_tokens(user.id, scope="openid profile")
        await work.va_tokens.save(tokens, account=other, now=NOW)
        await work.commit()

    record = await storage.user_records.find(user.id, now=NOW, max_sessions=9)

    assert record is not None
    assert (record.summary.user, record.summary.created_at) == (user, NOW)
    assert record.accounts == (
        KnownAccount(account=one, created_at=NOW, last_seen_at=NOW + 2 * A_DAY),
        KnownAccount(account=other, created_at=NOW + A_DAY, last_seen_at=NOW + A_DAY),
    )
    assert record.link == VALink(
        account=other, scope="openid profile", expires_at=tokens.expires_at, needs_sign_in=False
    )
    assert (record.sessions, record.has_more_sessions, record.merged) == ((), False, ())


async def test_a_link_that_needs_a_sign_in_is_told_as_that(
    unit_of_work: UnitOfWorkFactory, storage: Storage
) -> None:
    user = await a_stored_user(unit_of_work)
    async with unit_of_work() as work:
        await work.va_tokens.save(some_sealed_tokens(user.id), account=None, now=NOW)
        kept = await work.va_token_refreshes.find(user.id)
        assert kept is not None
        lease = await work.va_token_refreshes.take(
            user.id, kept.state.generation, now=NOW, lasts=timedelta()
        )
        assert lease is not None
        await work.va_token_refreshes.require_sign_in(lease, now=NOW)
        await work.commit()

    record = await storage.user_records.find(user.id, now=NOW, max_sessions=1)
    assert record is not None
    assert record.link is not None
    assert (record.link.needs_sign_in, record.link.account) == (True, None)


async def test_the_active_sessions_come_first_and_each_kind_newest_first(
    storage: Storage,
) -> None:
    user = await a_stored_user(storage.unit_of_work)
    old, ended, active, newest = [
        await a_stored_session(storage.unit_of_work, user.id, now=NOW + days * A_DAY)
        for days in (-90, 0, 0, 0)
    ]
    async with storage.unit_of_work() as work:
        await revoke(work, user.id, ended.id)
        await work.commit()
    first, second = sorted((active.id, newest.id), reverse=True)

    record = await storage.user_records.find(user.id, now=NOW, max_sessions=4)
    assert record is not None
    assert [each.id for each in record.sessions] == [first, second, ended.id, old.id]
    assert not record.has_more_sessions
    assert record.sessions[2].revocation is not None

    record = await storage.user_records.find(user.id, now=NOW, max_sessions=3)
    assert record is not None
    assert [each.id for each in record.sessions] == [first, second, ended.id]
    assert record.has_more_sessions


async def test_nobody_has_no_record(storage: Storage) -> None:
    assert await storage.user_records.find(a_user_id(), now=NOW, max_sessions=1) is None


async def test_a_merged_user_is_named_on_both_sides(storage: Storage) -> None:
    one, other = [await a_stored_user(storage.unit_of_work) for _ in range(2)]
    async with storage.unit_of_work() as work:
        await work.users.merge(one.id, into=other.id, now=NOW)
        await work.commit()

    merged = await storage.user_records.find(one.id, now=NOW, max_sessions=1)
    kept = await storage.user_records.find(other.id, now=NOW, max_sessions=1)
    assert merged is not None
    assert kept is not None
    assert (merged.summary.user.merged_into, merged.merged) == (other.id, ())
    assert (kept.summary.user.merged_into, kept.merged) == (None, (one.id,))
    assert len(kept.accounts) == 2


async def test_only_what_is_committed_is_found(storage: Storage) -> None:
    mark = f"n{a_user_id().hex}"
    async with storage.unit_of_work() as work:
        await link(work, an_identity(family_name=mark, email=f"{mark}@x.example"))
        assert await found(storage, mark) == []
        assert await storage.user_records.search(ByEmail(f"{mark}@x.example"), limit=1) == []


def test_searches_by_name_say_nothing_of_the_name() -> None:
    for text in ("tamara ellis", "tamara@veterans.example"):
        wanted = parse_user_search(text)
        assert isinstance(wanted, ByName | ByEmail)
        assert "tamara" not in repr(wanted)
