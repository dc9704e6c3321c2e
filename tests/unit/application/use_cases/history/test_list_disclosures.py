"""The uses of a Veteran's VA tokens, page by page."""

from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.memory.store import MemoryStore
from application.use_cases.history.list_disclosures import PAGE_SIZE, ListDisclosures
from domain.audit_event import AuditEvent, AuditEventType
from domain.disclosure import Disclosure
from domain.identifiers import UserId
from domain.visitor import Visitor
from tests.support.builders import NOW, a_session_id, a_user_id
from tests.support.service_clients import PURPOSE, SCOPE
from tests.support.storage import a_stored_user, memory_storage

MINUTE = timedelta(minutes=1)


class Account:
    """What a Veteran is shown, over a store with uses by minute."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.storage = memory_storage(self.store)
        self.use_case = ListDisclosures(
            disclosures=self.storage.disclosures, users=self.storage.user_directory
        )

    async def use(self, user_id: UserId, minute: int) -> None:
        event = AuditEvent.of_session(
            AuditEventType.VA_TOKEN_USED,
            user_id,
            a_session_id(),
            visitor=Visitor(),
            now=NOW + minute * MINUTE,
            client="somebody",
            purpose=PURPOSE.value,
            scope=SCOPE,
        )
        async with self.storage.unit_of_work() as work:
            await work.audit.append(event)
            await work.commit()


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.mark.parametrize(
    ("uses", "pages"), [(0, [0]), (25, [25]), (26, [25, 1]), (51, [25, 25, 1])]
)
async def test_pages_follow_each_other_newest_first_to_the_last(
    account: Account, uses: int, pages: list[int]
) -> None:
    user_id = a_user_id()
    for minute in range(uses):
        await account.use(user_id, minute)
    await account.use(a_user_id(), 999)

    shown, sizes = list[Disclosure](), list[int]()
    after = None
    while True:
        page = await account.use_case.execute(user_id, after=after)
        shown += page.disclosures
        sizes.append(len(page.disclosures))
        after = page.next
        if after is None:
            break
    assert sizes == pages
    assert [each.mark.occurred_at for each in shown] == [
        NOW + minute * MINUTE for minute in reversed(range(uses))
    ]
    assert PAGE_SIZE == 25


async def test_the_uses_of_merged_accounts_are_included(account: Account) -> None:
    user, merged = [await a_stored_user(account.storage.unit_of_work) for _ in range(2)]
    account.store.committed.users[merged.id] = replace(merged, merged_into=user.id)
    await account.use(merged.id, 1)

    page = await account.use_case.execute(user.id, after=None)
    assert [each.mark.occurred_at for each in page.disclosures] == [NOW + MINUTE]
