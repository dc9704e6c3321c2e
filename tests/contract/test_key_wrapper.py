"""What every KeyWrapper promises, run against each adapter."""

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final, final

import pytest

from adapters.encryption.key_ring import KeyRing
from adapters.encryption.local_key_wrapper import LocalKeyWrapper
from adapters.encryption.remembering_key_wrapper import RememberingKeyWrapper
from adapters.memory.key_wrapper import MemoryKeySafe, MemoryKeyWrapper
from application.ports.key_wrapper import KeyWrapper
from application.ports.token_cipher import SealBrokenError
from domain.data_key import DataKey, WrappedDataKey
from tests.support.builders import a_data_key, a_user_id
from tests.support.frozen_clock import FrozenClock, frozen_clock

#: Makes a wrapper that has the master keys of these ids, the newest first.
MakeWrapper = Callable[..., KeyWrapper]

_MASTER_KEYS: Final = {key_id: secrets.token_bytes(32) for key_id in ("k1", "k2", "k3")}
#: The same key by another name, as an operator may give it by mistake.
_MASTER_KEYS["k1-again"] = _MASTER_KEYS["k1"]
_SAFE: Final = MemoryKeySafe()


def local(*key_ids: str) -> KeyWrapper:
    return LocalKeyWrapper(KeyRing({key_id: _MASTER_KEYS[key_id] for key_id in key_ids}))


def remembering(*key_ids: str) -> KeyWrapper:
    return RememberingKeyWrapper(local(*key_ids), clock=frozen_clock())


def memory(*key_ids: str) -> KeyWrapper:
    return MemoryKeyWrapper(key_ids, _SAFE)


each_adapter = pytest.mark.parametrize("make_wrapper", [local, remembering, memory])


async def assert_broken(wrapper: KeyWrapper, wrapped: WrappedDataKey) -> None:
    with pytest.raises(SealBrokenError) as broken:
        await wrapper.unwrap(wrapped)
    assert str(broken.value) == "", "it tells an attacker something"


@each_adapter
async def test_what_was_wrapped_unwraps(make_wrapper: MakeWrapper) -> None:
    key = a_data_key(version=3)
    wrapped = await make_wrapper("k1").wrap(key)

    assert (wrapped.user_id, wrapped.version, wrapped.master_key_id) == (key.user_id, 3, "k1")
    assert key.key not in wrapped.box
    assert await make_wrapper("k1").unwrap(wrapped) == key


@each_adapter
async def test_wrapping_never_gives_the_same_twice(make_wrapper: MakeWrapper) -> None:
    wrapper, key = make_wrapper("k1"), a_data_key()

    assert len({(await wrapper.wrap(key)).box for _ in range(500)}) == 500


@pytest.mark.case(99)
@each_adapter
async def test_the_newest_master_key_wraps_and_every_one_unwraps(
    make_wrapper: MakeWrapper,
) -> None:
    old, new = a_data_key(), a_data_key()
    before = await make_wrapper("k1").wrap(old)
    rotating = make_wrapper("k2", "k1")
    after = await rotating.wrap(new)

    assert rotating.newest_key_id == after.master_key_id == "k2"
    assert await rotating.unwrap(before) == old
    # What is wrapped during the change needs the new key alone.
    assert await make_wrapper("k2").unwrap(after) == new
    await assert_broken(make_wrapper("k1"), after)


@pytest.mark.case(92)
@each_adapter
async def test_a_key_under_a_master_key_that_is_not_here_does_not_unwrap(
    make_wrapper: MakeWrapper,
) -> None:
    wrapped = await make_wrapper("k1").wrap(a_data_key())

    await assert_broken(make_wrapper("k2", "k3"), wrapped)


@pytest.mark.case(92)
@each_adapter
async def test_a_key_does_not_unwrap_as_anothers_or_of_another_version(
    make_wrapper: MakeWrapper,
) -> None:
    wrapper = make_wrapper("k1", "k2", "k1-again")
    wrapped = await wrapper.wrap(a_data_key())

    await assert_broken(wrapper, replace(wrapped, user_id=a_user_id()))
    await assert_broken(wrapper, replace(wrapped, version=2))
    for label in ("k2", "k1-again", "", "k1 "):
        await assert_broken(wrapper, replace(wrapped, master_key_id=label))


@pytest.mark.case(92)
@each_adapter
async def test_a_key_with_any_bit_flipped_does_not_unwrap(
    make_wrapper: MakeWrapper,
) -> None:
    wrapper = make_wrapper("k1")
    wrapped = await wrapper.wrap(a_data_key())

    for position in range(len(wrapped.box)):
        for bit in range(8):
            altered = bytearray(wrapped.box)
            altered[position] ^= 1 << bit
            await assert_broken(wrapper, replace(wrapped, box=bytes(altered)))


@pytest.mark.case(92)
@each_adapter
async def test_a_key_that_was_cut_or_added_to_does_not_unwrap(
    make_wrapper: MakeWrapper,
) -> None:
    wrapper = make_wrapper("k1")
    wrapped = await wrapper.wrap(a_data_key())

    for length in range(len(wrapped.box)):
        await assert_broken(wrapper, replace(wrapped, box=wrapped.box[:length]))
    for extra in (b"=", b"A", b"\0"):
        await assert_broken(wrapper, replace(wrapped, box=wrapped.box + extra))


@pytest.mark.case(97)
@pytest.mark.parametrize("size", [16, 24, 31, 33])
async def test_a_data_key_of_another_size_does_not_unwrap(size: int) -> None:
    wrapped = await local("k1").wrap(replace(a_data_key(), key=secrets.token_bytes(size)))

    await assert_broken(local("k1"), wrapped)


# What follows is about remembering.


@final
class Counted(KeyWrapper):
    """Counts what it is asked."""

    def __init__(self) -> None:
        self._wrapper = local("k1")
        self.unwrapped = 0

    @property
    def newest_key_id(self) -> str:
        return self._wrapper.newest_key_id

    async def wrap(self, key: DataKey) -> WrappedDataKey:
        return await self._wrapper.wrap(key)

    async def unwrap(self, wrapped: WrappedDataKey) -> DataKey:
        self.unwrapped += 1
        return await self._wrapper.unwrap(wrapped)


FOR: Final = timedelta(minutes=5)
MOMENT: Final = timedelta(microseconds=1)


@pytest.fixture
def clock() -> FrozenClock:
    return frozen_clock()


@pytest.fixture
def keeper() -> Counted:
    return Counted()


def remembering_at_most(keeper: Counted, clock: FrozenClock, at_most: int) -> KeyWrapper:
    return RememberingKeyWrapper(keeper, clock=clock, remember_for=FOR, at_most=at_most)


async def test_the_keeper_is_asked_once_within_the_time(
    keeper: Counted, clock: FrozenClock
) -> None:
    wrapper = remembering_at_most(keeper, clock, 10)
    wrapped = await local("k1").wrap(a_data_key())
    await wrapper.unwrap(wrapped)
    clock.advance(FOR - MOMENT)
    await wrapper.unwrap(wrapped)
    assert keeper.unwrapped == 1

    # Its use does not make the time longer.
    clock.advance(MOMENT)
    await wrapper.unwrap(wrapped)
    assert keeper.unwrapped == 2


async def test_a_key_that_was_just_wrapped_is_remembered(
    keeper: Counted, clock: FrozenClock
) -> None:
    wrapper = remembering_at_most(keeper, clock, 10)
    key = a_data_key()

    assert await wrapper.unwrap(await wrapper.wrap(key)) == key
    assert keeper.unwrapped == 0


async def test_no_more_keys_are_remembered_than_that_and_the_oldest_goes_first(
    keeper: Counted, clock: FrozenClock
) -> None:
    wrapper = remembering_at_most(keeper, clock, 2)
    first, second, third = [await local("k1").wrap(a_data_key()) for _ in range(3)]
    for wrapped in (first, second, third):
        await wrapper.unwrap(wrapped)
    assert keeper.unwrapped == 3

    await wrapper.unwrap(second)
    await wrapper.unwrap(third)
    assert keeper.unwrapped == 3
    await wrapper.unwrap(first)
    assert keeper.unwrapped == 4


async def test_what_does_not_unwrap_is_asked_again_each_time(
    keeper: Counted, clock: FrozenClock
) -> None:
    wrapper = remembering_at_most(keeper, clock, 10)
    wrapped = await local("k2").wrap(a_data_key())
    for _ in range(2):
        await assert_broken(wrapper, wrapped)

    assert keeper.unwrapped == 2


async def test_what_is_remembered_is_not_given_for_anything_that_differs(
    keeper: Counted, clock: FrozenClock
) -> None:
    wrapper = remembering_at_most(keeper, clock, 10)
    wrapped = await wrapper.wrap(a_data_key())
    await wrapper.unwrap(wrapped)

    await assert_broken(wrapper, replace(wrapped, user_id=a_user_id()))
    await assert_broken(wrapper, replace(wrapped, version=2))
