"""Whether a browser has left, asked while its request is in progress."""

import asyncio

from starlette.requests import Request
from starlette.types import Message

from entrypoints.web.departures import departure_of


async def test_a_browser_has_left_once_the_server_says_so_and_nothing_waits_before() -> None:
    messages: asyncio.Queue[Message] = asyncio.Queue()
    has_left = departure_of(Request({"type": "http", "headers": []}, messages.get))
    tasks = asyncio.all_tasks()

    assert not await has_left()
    messages.put_nowait({"type": "http.request", "body": b"", "more_body": False})
    assert not await has_left()
    assert not await has_left()
    messages.put_nowait({"type": "http.disconnect"})
    assert await has_left()
    # It has left for good, and no earlier question took the message.
    assert await has_left()
    assert messages.empty()
    assert asyncio.all_tasks() == tasks
