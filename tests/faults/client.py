"""Clients that go on through every fault, and note what was acknowledged.

    python -m tests.faults.client SERVICE_URL LEDGER [PAUSE_SECONDS]

Each signs in, asks, renews and signs out until SIGTERM, without a pause or with one after each
session. An onlooker asks again about what the others have left behind.
"""

import random
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar, final

import httpx

from tests.faults.ledger import Act, Ledger
from tests.support.caller import Caller, Held, UnexpectedAnswerError

_CLIENTS: Final = 4
#: Of four sessions one stays, and one is renewed and stays.
_KINDS: Final = 4
_AGAIN_SECONDS: Final = 0.2
_LOOK_SECONDS: Final = 0.05
_REMEMBERED: Final = 50
_OK: Final = httpx.codes.OK
_GONE: Final = httpx.codes.UNAUTHORIZED
_LATER: Final = httpx.codes.SERVICE_UNAVAILABLE

_T = TypeVar("_T")


@final
class _Left:
    """The newest sessions that nobody changes anymore. Threads share it."""

    def __init__(self) -> None:
        self.ended: deque[Held] = deque(maxlen=_REMEMBERED)
        self.standing: deque[Held] = deque(maxlen=_REMEMBERED)


@final
class _Onlooker:
    """Asks about them again, each time on a new connection, and so through any worker."""

    def __init__(
        self,
        url: str,
        left: _Left,
        ledger: Ledger,
        is_over: threading.Event,
        pause_seconds: float,
    ) -> None:
        self.longest_seconds = 0.0
        self._pause_seconds = max(pause_seconds, _LOOK_SECONDS)
        self._url = url
        self._left = left
        self._ledger = ledger
        self._is_over = is_over

    def run(self) -> None:
        """Ask until it is over."""
        while not self._is_over.wait(self._pause_seconds):
            self._look(self._left.ended, _GONE, Act.REVIVED)
            self._look(self._left.standing, _OK, Act.REFUSED)

    def _look(self, sessions: deque[Held], expected: int, otherwise: Act) -> None:
        held = random.choice([*sessions] or [None])
        if held is None:
            return
        began = time.monotonic()
        with Caller(self._url) as caller:
            try:
                status = caller.verify(held.token)
            except httpx.TransportError:
                return
        self.longest_seconds = max(self.longest_seconds, time.monotonic() - began)
        if status not in {expected, _LATER}:
            self._ledger.note(otherwise, what=f"{status} for {held.session_id}, asked again")


@final
class _Client:
    """One of the clients; has its own thread."""

    def __init__(
        self,
        caller: Caller,
        left: _Left,
        ledger: Ledger,
        is_over: threading.Event,
        pause_seconds: float,
    ) -> None:
        self.longest_seconds = 0.0
        self._pause_seconds = pause_seconds
        self._caller = caller
        self._left = left
        self._ledger = ledger
        self._is_over = is_over

    def run(self) -> None:
        """Live one session after the other until it is over."""
        number = 0
        while not self._is_over.is_set():
            number += 1
            try:
                self._live(number)
            except UnexpectedAnswerError as error:
                self._ledger.note(Act.UNEXPECTED, what=str(error))
            self._is_over.wait(self._pause_seconds)

    def _live(self, number: int) -> None:
        # All clients sign in the same person in the same second, so that first sign-ins race.
        held = self._once(lambda: self._caller.sign_in(f"synthetic-{int(time.time())}"))
        if held is None:
            self._is_over.wait(_AGAIN_SECONDS)
            return
        self._ledger.note(Act.SIGNED_IN, held)
        self._ask(held)
        if number % 2:
            held = self._renewed(held)
            self._ask(held)
        if number % _KINDS > 1:
            self._sign_out(held)
        else:
            self._left.standing.append(held)

    def _renewed(self, held: Held) -> Held:
        # Again with the same refresh token, as a browser does whose answer was lost.
        renewed = self._again(lambda: self._caller.renew(held))
        if renewed is None:
            return held
        self._ledger.note(Act.RENEWED, renewed)
        return renewed

    def _sign_out(self, held: Held) -> None:
        self._ledger.note(Act.SIGNING_OUT, held)
        status = self._again(lambda: _unless_later(self._caller.sign_out(held.token)))
        if status is None:
            return
        # 401: a try before this one ended it, and its answer was lost.
        if status not in {httpx.codes.NO_CONTENT, _GONE}:
            self._ledger.note(Act.UNEXPECTED, what=f"{status} to a sign-out")
            return
        self._ledger.note(Act.SIGNED_OUT, held)
        self._left.ended.append(held)
        if self._once(lambda: self._caller.verify(held.token)) not in {_GONE, _LATER, None}:
            self._ledger.note(Act.REVIVED, what=held.session_id)

    def _ask(self, held: Held) -> None:
        status = self._once(lambda: self._caller.verify(held.token))
        if status not in {_OK, _LATER, None}:
            self._ledger.note(Act.REFUSED, what=f"{status} for {held.session_id}")

    def _once(self, ask: Callable[[], _T]) -> _T | None:
        """The answer, or None where there was none."""
        began = time.monotonic()
        try:
            return ask()
        except httpx.TransportError:
            return None
        finally:
            self.longest_seconds = max(self.longest_seconds, time.monotonic() - began)

    def _again(self, ask: Callable[[], _T | None]) -> _T | None:
        """The first answer that isn't to try again, or None if it is over before."""
        while (answer := self._once(ask)) is None:
            if self._is_over.wait(_AGAIN_SECONDS):
                return None
        return answer


def _unless_later(status: int) -> int | None:
    return None if status == _LATER else status


def _main(service_url: str, path: str, pause_seconds: str = "0") -> None:
    is_over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: is_over.set())
    ledger, left = Ledger(Path(path)), _Left()
    with Caller(service_url) as caller:
        pause = float(pause_seconds)
        clients: list[_Client | _Onlooker] = [_Onlooker(service_url, left, ledger, is_over, pause)]
        clients += [_Client(caller, left, ledger, is_over, pause) for _ in range(_CLIENTS)]
        threads = [threading.Thread(target=each.run) for each in clients]
        for thread in threads:
            thread.start()
        is_over.wait()
        for thread in threads:
            thread.join()
    ledger.note(Act.ENDED, longest_seconds=max(each.longest_seconds for each in clients))


if __name__ == "__main__":
    _main(*sys.argv[1:])
