"""Whatever comes in whatever order: memory and PostgreSQL lease and store VA's tokens alike."""

import dataclasses
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, final
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.postgres.pool import Pool
from application.ports.unit_of_work import UnitOfWork
from domain.identifiers import UserId
from domain.va_token_refresh import LEASE, RefreshLease, RefreshState, TokenGeneration
from domain.va_tokens import SealedVATokens
from tests.support.builders import NOW, an_account, an_identity, some_sealed_tokens
from tests.support.fuzzing import EXAMPLES
from tests.support.storage import Storage, link, memory_storage, postgres_storage

pytestmark = pytest.mark.postgres

SECOND: Final = timedelta(seconds=1)
#: Stands for whatever instant the store's clock has made of it.
_LEASED: Final = NOW

#: What is done, with which of the leases or generations there were, and a number of seconds.
Step = tuple[str, int, int]
STEPS: Final = st.lists(
    st.tuples(
        st.sampled_from(
            ["sign in", "destroy", "reseal", "take", "take", "take", "renew", "put off", "mark"]
        ),
        st.integers(0, 3),
        st.integers(0, 4),
    ),
    min_size=5,
    max_size=20,
)


@final
@dataclass
class Story:
    """One user in one store, and everything that was ever handed out."""

    storage: Storage
    user_id: UserId
    leases: list[RefreshLease] = field(default_factory=list)
    generations: list[TokenGeneration] = field(default_factory=list)
    sign_ins: list[UUID] = field(default_factory=list)

    async def tell(self, step: Step, now: datetime, tokens: SealedVATokens) -> Any:
        """Do it, commit it, and say in comparable words what came of it."""
        tokens = dataclasses.replace(tokens, user_id=self.user_id)
        async with self.storage.unit_of_work() as work:
            outcome = await self._do(work, step, now, tokens)
            await work.commit()
        async with self.storage.unit_of_work() as work:
            kept = await work.va_token_refreshes.find(self.user_id)
        if kept is None:
            return outcome, None
        if kept.state.generation not in self.generations:
            self.generations.append(kept.state.generation)
        return outcome, (dataclasses.astuple(kept.sealed)[1:], self._plain(kept.state))

    async def _do(
        self, work: UnitOfWork, step: Step, now: datetime, tokens: SealedVATokens
    ) -> object:
        what, which, seconds = step
        until = now + seconds * SECOND
        # Judged by the store's own clock, which no test moves: lapsed at once, or not at all.
        lasts = timedelta(days=bool(seconds))
        match what:
            case "sign in":
                await work.va_tokens.save(tokens, account=_ACCOUNT, now=now)
            case "destroy":
                await work.va_tokens.destroy(self.user_id)
            case "reseal":
                await work.va_tokens.reseal(tokens)
            case "take" if self.generations:
                generation = self.generations[-1 - which % len(self.generations)]
                lease = await work.va_token_refreshes.take(
                    self.user_id, generation, now=now, lasts=lasts
                )
                if lease is not None:
                    self.leases.append(lease)
                return lease and lease.fence
            case "renew" | "put off" | "mark" if self.leases:
                lease = self.leases[-1 - which % len(self.leases)]
                refreshes = work.va_token_refreshes
                if what == "renew":
                    return await refreshes.renew(lease, tokens, now=now)
                if what == "put off":
                    return await refreshes.put_off(lease, until=until)
                return await refreshes.require_sign_in(lease, now=now)
        return None

    def _plain(self, state: RefreshState) -> object:
        """The state, with the sign-in's id as what number it was."""
        if state.generation.sign_in not in self.sign_ins:
            self.sign_ins.append(state.generation.sign_in)
        number = self.sign_ins.index(state.generation.sign_in)
        nobody = TokenGeneration(sign_in=UUID(int=number), number=state.generation.number)
        leased = state.lease_until and _LEASED
        return dataclasses.replace(state, generation=nobody, lease_until=leased)


_ACCOUNT: Final = an_account()


async def a_story(storage: Storage) -> Story:
    async with storage.unit_of_work() as work:
        user = (await link(work, an_identity())).user
        await work.commit()
    return Story(storage=storage, user_id=user.id)


@pytest.mark.case(81)
@settings(
    max_examples=max(1, EXAMPLES // 6),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
async def test_a_lease_means_the_same_in_every_store_whatever_comes_in_between(
    pool: Pool, steps: list[Step]
) -> None:
    stories = [await a_story(memory_storage()), await a_story(postgres_storage(pool))]
    now, renewed = NOW, set()
    for step in [("sign in", 0, 0), *steps]:
        tokens = some_sealed_tokens(stories[0].user_id, refresh=step[2] % 2 == 0, now=now)
        before = stories[0].generations[-1:]
        in_memory, in_postgres = [await story.tell(step, now, tokens) for story in stories]

        assert in_memory == in_postgres
        if step[0] == "renew" and in_memory[0]:
            # Each generation is followed by one refresh at the most.
            assert before[0] not in renewed
            renewed.add(before[0])
        now += SECOND


@pytest.mark.case(81)
async def test_a_process_whose_clock_is_ahead_takes_no_lease_that_runs(pool: Pool) -> None:
    story = await a_story(postgres_storage(pool))
    await story.tell(("sign in", 0, 0), NOW, some_sealed_tokens(story.user_id))
    (generation,) = story.generations

    async def take(now: datetime) -> RefreshLease | None:
        async with story.storage.unit_of_work() as work:
            lease = await work.va_token_refreshes.take(
                story.user_id, generation, now=now, lasts=LEASE
            )
            await work.commit()
        return lease

    assert await take(NOW) is not None
    for minutes in (-1, 1, 60):
        assert await take(NOW + timedelta(minutes=minutes)) is None
