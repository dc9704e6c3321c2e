"""Operators manage front ends. On a real database: test_front_ends.py of the commands."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.memory.secret_source import MemorySecretSource
from adapters.memory.store import MemoryStore
from application.errors import NotFoundError
from application.front_end_rules import FrontEndRules, recorded
from application.use_cases.front_ends.add_front_end import AddFrontEnd, AddFrontEndCommand
from application.use_cases.front_ends.change_front_end import (
    ChangeFrontEnd,
    ChangeFrontEndCommand,
    FrontEndChanged,
)
from application.use_cases.front_ends.disable_front_end import (
    DisableFrontEnd,
    DisableFrontEndCommand,
)
from application.use_cases.front_ends.list_front_ends import ListedFrontEnd, ListFrontEnds
from domain.audit_event import AuditEvent, AuditEventType
from domain.errors import InvalidFrontEndError
from domain.front_end import SETTINGS_FRONT_END, FrontEnd, FrontEndId, SessionDelivery
from domain.session_limits import SessionLimits
from domain.visitor import Visitor
from tests.support.builders import NOW, a_front_end, the_settings_front_end
from tests.support.frozen_clock import frozen_clock
from tests.support.storage import Storage, memory_storage

PUBLIC_URL = "https://api.example.org"
STAGING = "https://staging.example.org"
MINUTE = timedelta(minutes=1)
SETTINGS = the_settings_front_end()
NOBODYS = a_front_end().id


class Desk:
    """An operator's use cases over one store."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.storage: Storage = memory_storage(self.store)
        self.rules = FrontEndRules(settings=SETTINGS, public_url=PUBLIC_URL, limits=SessionLimits())
        self.clock = frozen_clock()

    async def add(self, name: str = "Staging", url: str = STAGING, **more: Any) -> FrontEnd:
        use_case = AddFrontEnd(
            unit_of_work=self.storage.unit_of_work,
            rules=self.rules,
            secrets=MemorySecretSource(f"{name} {url}"),
            clock=self.clock,
        )
        return await use_case.execute(AddFrontEndCommand(name=name, url=url, **more))

    async def change(self, front_end_id: FrontEndId, **changes: Any) -> FrontEndChanged:
        use_case = ChangeFrontEnd(
            unit_of_work=self.storage.unit_of_work, rules=self.rules, clock=self.clock
        )
        return await use_case.execute(
            ChangeFrontEndCommand(front_end_id=front_end_id, reason="moved", **changes)
        )

    async def disable(self, front_end_id: FrontEndId, *, is_dry_run: bool = False) -> bool:
        use_case = DisableFrontEnd(unit_of_work=self.storage.unit_of_work, clock=self.clock)
        return await use_case.execute(
            DisableFrontEndCommand(
                front_end_id=front_end_id, reason="closed", is_dry_run=is_dry_run
            )
        )

    @property
    def stored(self) -> list[FrontEnd]:
        return list(self.store.committed.front_ends.values())

    @property
    def events(self) -> list[AuditEvent]:
        return self.store.committed.audit


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_a_front_end_is_stored_and_audited_as_it_was_given(desk: Desk) -> None:
    added = await desk.add(
        "  Staging ", delivery=SessionDelivery.COOKIE, idle=5 * MINUTE, absolute=60 * MINUTE
    )

    assert desk.stored == [added]
    assert added == FrontEnd(
        id=added.id,
        name="Staging",
        url=STAGING,
        delivery=SessionDelivery.COOKIE,
        created_at=NOW,
        idle=5 * MINUTE,
        absolute=60 * MINUTE,
    )
    (event,) = desk.events
    assert event == AuditEvent(
        type=AuditEventType.FRONT_END_ADDED,
        occurred_at=NOW,
        user_id=None,
        visitor=Visitor(),
        data={
            "front_end": str(added.id),
            "url": STAGING,
            "delivery": "cookie",
            "idle_minutes": 5,
            "absolute_minutes": 60,
        },
    )


async def test_what_is_not_given_is_that_of_the_settings_or_the_service(desk: Desk) -> None:
    added = await desk.add()
    assert (added.delivery, added.idle, added.absolute) == (SETTINGS.delivery, None, None)
    (event,) = desk.events
    assert event.data == {
        "front_end": str(added.id),
        "url": STAGING,
        "delivery": SETTINGS.delivery.value,
    }


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (f"{PUBLIC_URL}/app", "the origin is the service's own: VETASSIST_PUBLIC_URL"),
        (
            f"{SETTINGS.url}/app",
            "the origin is that of the settings' front end: VETASSIST_FRONTEND_URL",
        ),
        (f"{STAGING}/app", "the front end {} has the same origin"),
    ],
)
async def test_an_origin_is_given_once(desk: Desk, url: str, message: str) -> None:
    first = await desk.add()
    other = await desk.add(url="https://other.example.org")
    for attempt in (desk.add("Another", url), desk.change(other.id, url=url)):
        with pytest.raises(InvalidFrontEndError) as refused:
            await attempt
        assert str(refused.value) == message.format(first.id)
    assert (desk.stored, len(desk.events)) == ([first, other], 2)

    # One that is disabled does not need it any more, and one keeps its own.
    assert (await desk.change(first.id, url=f"{STAGING}/elsewhere")).is_changed
    await desk.disable(first.id)
    assert (await desk.add("Another")).url == STAGING


async def test_limits_are_within_the_services(desk: Desk) -> None:
    too_long = SessionLimits().absolute + MINUTE
    with pytest.raises(InvalidFrontEndError):
        await desk.add(absolute=too_long)
    added = await desk.add()
    with pytest.raises(InvalidFrontEndError):
        await desk.change(added.id, absolute=too_long)


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ({"name": " Portal "}, {"name": "Portal"}),
        ({"url": f"{STAGING}/portal"}, {"url": f"{STAGING}/portal"}),
        ({"delivery": SessionDelivery.FRAGMENT}, {"delivery": SessionDelivery.FRAGMENT}),
        ({"idle": 7 * MINUTE}, {"idle": 7 * MINUTE}),
        ({"absolute": 70 * MINUTE}, {"absolute": 70 * MINUTE}),
        ({"idle": 0 * MINUTE, "absolute": 0 * MINUTE}, {"idle": None, "absolute": None}),
    ],
)
async def test_only_what_is_given_changes_and_is_audited(
    desk: Desk, given: dict[str, Any], changed: dict[str, Any]
) -> None:
    added = await desk.add(delivery=SessionDelivery.CODE, idle=5 * MINUTE, absolute=60 * MINUTE)
    desk.clock.advance(MINUTE)

    expected = replace(added, **changed)
    assert await desk.change(added.id, **given) == FrontEndChanged(
        front_end=expected, is_changed=True
    )
    assert desk.stored == [expected]
    _, event = desk.events
    assert (event.type, event.occurred_at, event.visitor) == (
        AuditEventType.FRONT_END_CHANGED,
        NOW + MINUTE,
        Visitor(),
    )
    limits = {"idle_minutes": expected.idle, "absolute_minutes": expected.absolute}
    assert event.data == {
        "front_end": str(added.id),
        "url": expected.url,
        "delivery": expected.delivery.value,
        "reason": "moved",
    } | {name: limit // MINUTE for name, limit in limits.items() if limit}


def test_a_limit_is_recorded_in_whole_minutes() -> None:
    front_end = a_front_end(idle=timedelta(seconds=119), absolute=timedelta(hours=1))
    told = recorded(front_end)
    assert (told["idle_minutes"], told["absolute_minutes"]) == (1, 60)


async def test_what_is_so_already_is_neither_stored_nor_audited(desk: Desk) -> None:
    added = await desk.add(idle=5 * MINUTE)
    for given in ({}, {"name": added.name}, {"idle": 5 * MINUTE, "url": STAGING}):
        unchanged = FrontEndChanged(front_end=added, is_changed=False)
        assert await desk.change(added.id, **given) == unchanged
    assert len(desk.events) == 1


async def test_a_disabled_front_end_stays_as_it_is(desk: Desk) -> None:
    added = await desk.add()
    desk.clock.advance(MINUTE)
    assert await desk.disable(added.id)
    assert desk.stored == [added.disabled(NOW + MINUTE)]
    assert desk.events[1:] == [
        AuditEvent(
            type=AuditEventType.FRONT_END_DISABLED,
            occurred_at=NOW + MINUTE,
            user_id=None,
            visitor=Visitor(),
            data={"reason": "closed", "front_end": str(added.id)},
        )
    ]

    desk.clock.advance(MINUTE)
    assert not await desk.disable(added.id)
    with pytest.raises(InvalidFrontEndError, match=r"^the front end is disabled$"):
        await desk.change(added.id, name="Portal")
    assert desk.stored == [added.disabled(NOW + MINUTE)]
    assert len(desk.events) == 2


async def test_a_dry_run_checks_everything_and_stores_nothing(desk: Desk) -> None:
    assert (await desk.add(is_dry_run=True)).name == "Staging"
    assert (desk.stored, desk.events) == ([], [])
    added = await desk.add()
    assert (await desk.change(added.id, name="Portal", is_dry_run=True)).front_end.name == "Portal"
    assert await desk.disable(added.id, is_dry_run=True)
    assert (desk.stored, len(desk.events)) == ([added], 1)
    for attempt in (
        desk.change(NOBODYS, is_dry_run=True),
        desk.disable(NOBODYS, is_dry_run=True),
    ):
        with pytest.raises(NotFoundError):
            await attempt
    assert len(desk.events) == 1


async def test_the_front_end_of_the_settings_is_changed_there(desk: Desk) -> None:
    for attempt in (desk.change(SETTINGS_FRONT_END), desk.disable(SETTINGS_FRONT_END)):
        with pytest.raises(InvalidFrontEndError) as refused:
            await attempt
        assert str(refused.value) == "the settings describe this front end: change them"


async def test_a_front_end_that_is_nobodys_is_on_record(desk: Desk) -> None:
    for attempt, command in (
        (desk.change(NOBODYS), "front_end_change"),
        (desk.disable(NOBODYS), "front_end_disable"),
    ):
        with pytest.raises(NotFoundError):
            await attempt
        assert desk.events[-1] == AuditEvent.command_refused(
            command, reason="not_found", now=NOW, front_end=str(NOBODYS)
        )


async def test_the_settings_front_end_comes_first_and_each_says_whether_it_is_served(
    desk: Desk,
) -> None:
    first = await desk.add()
    desk.clock.advance(MINUTE)
    second = await desk.add(url="https://second.example.org")
    await desk.disable(second.id)
    # The settings took this origin afterwards.
    taken = a_front_end(PUBLIC_URL, created_at=NOW + 2 * MINUTE)
    desk.store.committed.front_ends[taken.id] = taken
    use_case = ListFrontEnds(
        settings=SETTINGS, directory=desk.storage.front_end_directory, rules=desk.rules
    )

    assert await use_case.execute() == [
        ListedFrontEnd(front_end=SETTINGS, is_served=True),
        ListedFrontEnd(front_end=first, is_served=True),
        ListedFrontEnd(front_end=second.disabled(NOW + MINUTE), is_served=False),
        ListedFrontEnd(front_end=taken, is_served=False),
    ]
