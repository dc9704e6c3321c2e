"""PostgreSQL goes away and comes back; so does the service, by itself, and loses nothing.

On the event loop that is shipped, over TCP, with requests under way and without. With
``VETASSIST_TEST_ROUNDS=20`` and ``--capture=no`` it prints the figures of docs/reliability.md.
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.postgres.migrations import migrate
from tests.support.clusters import Server, Shutdown, mortal_server, primary_and_standby
from tests.support.databases import rows_of
from tests.support.processes import HOST, free_port
from tests.support.whole_product import WholeProduct, whole_product

pytestmark = pytest.mark.postgres

_ROUNDS: Final = int(os.environ.get("VETASSIST_TEST_ROUNDS", "1"))
#: Well above what any answer may take, so that only a hang misses it.
_PATIENCE_SECONDS: Final = 60
_AGAIN_SECONDS: Final = 0.05
_WORKERS: Final = 4
_TERMINATE: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'vetassist'
"""
_STANDING: Final = """
SELECT count(*) FILTER (WHERE revoked_at IS NULL) AS sessions,
    (SELECT count(*) FROM vetassist_auth_audit WHERE event_type = 'login') AS logins
FROM vetassist_sessions
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A service, its database, and where the service counts."""

    server: Server
    product: WholeProduct
    metrics_url: str

    def sign_in(self) -> str | None:
        """A whole sign-in; the JWT, or None where the service said to try again."""
        with httpx.Client(trust_env=False, timeout=_PATIENCE_SECONDS) as browser:
            started = browser.get(f"{self.product.url}/api/v1/va/login")
            if started.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                return None
            form = browser.get(started.headers["location"])
            waiting = form.text.split('name="request" value="')[1].split('"')[0]
            where = urlsplit(started.headers["location"])._replace(query="").geturl()
            consented = browser.post(where, data={"request": waiting, "veteran": "tamara-ellis"})
            answer = browser.get(consented.headers["location"])
        end = httpx.URL(answer.headers["location"])
        assert end.params.get("error") in {None, "service_unavailable"}, end
        token: str | None = end.params.get("token")
        return token

    def validate(self, client: httpx.Client, token: str) -> int:
        answer = client.get(
            f"{self.product.url}/api/v1/verify", headers={"Authorization": f"Bearer {token}"}
        )
        return answer.status_code

    def connections_in_use(self) -> float:
        text = httpx.get(self.metrics_url, trust_env=False, timeout=_PATIENCE_SECONDS).text
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "vetassist_pool_connections_in_use"
        )


@dataclass(slots=True)
class Heard:
    """What clients were told while they went on asking."""

    statuses: Counter[int] = field(default_factory=Counter)
    sign_ins: int = 0
    longest_seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    port = free_port()
    with mortal_server() as server:
        migrate(server.url)
        folder = tmp_path_factory.mktemp("recovery")
        with whole_product(folder, server.url, metrics_port=port) as product:
            yield World(server=server, product=product, metrics_url=f"http://{HOST}:{port}/metrics")


@contextmanager
def load(world: World, token: str) -> Iterator[Heard]:
    """Clients that validate and sign in, without a pause, until the block ends."""
    heard, is_over = Heard(), threading.Event()

    def keep(work: Callable[[], None]) -> None:
        while not is_over.is_set():
            began = time.monotonic()
            try:
                work()
            except (httpx.HTTPError, AssertionError) as error:
                heard.faults.append(repr(error))
            heard.longest_seconds = max(heard.longest_seconds, time.monotonic() - began)

    def sign_in() -> None:
        heard.sign_ins += world.sign_in() is not None

    with httpx.Client(trust_env=False, timeout=_PATIENCE_SECONDS) as client:

        def validate() -> None:
            heard.statuses[world.validate(client, token)] += 1

        workers = [threading.Thread(target=keep, args=(validate,)) for _ in range(_WORKERS)]
        workers.append(threading.Thread(target=keep, args=(sign_in,)))
        for worker in workers:
            worker.start()
        try:
            yield heard
        finally:
            is_over.set()
            for worker in workers:
                worker.join(_PATIENCE_SECONDS * 2)
                assert not worker.is_alive(), "a request hangs"


def _restart_fast(server: Server) -> None:
    server.restart(Shutdown.FAST)


def _restart_immediately(server: Server) -> None:
    server.restart(Shutdown.IMMEDIATE)


def _kill_postmaster(server: Server) -> None:
    server.kill()
    server.start()


def _terminate(server: Server) -> None:
    rows_of(server.url, _TERMINATE)


_FAULTS: Final = (_restart_fast, _restart_immediately, _kill_postmaster, _terminate)


def seconds_until_served(world: World, token: str) -> float:
    """How long it takes from now until a validation and a sign-in succeed."""
    began = time.monotonic()
    with httpx.Client(trust_env=False, timeout=_PATIENCE_SECONDS) as client:
        while world.validate(client, token) != httpx.codes.OK or world.sign_in() is None:
            assert time.monotonic() - began < _PATIENCE_SECONDS, "it should be back by now"
            time.sleep(_AGAIN_SECONDS)
    return time.monotonic() - began


def assert_at_rest(world: World) -> None:
    began = time.monotonic()
    while world.connections_in_use():
        assert time.monotonic() - began < _PATIENCE_SECONDS, "a connection was not given back"
        time.sleep(_AGAIN_SECONDS)


@pytest.mark.case(85)
@pytest.mark.parametrize("is_busy", [False, True], ids=["idle", "busy"])
@pytest.mark.parametrize("fault", _FAULTS)
def test_the_service_comes_back_by_itself(
    world: World,
    fault: Callable[[Server], None],
    is_busy: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    back, longest = [], 0.0
    for _ in range(_ROUNDS):
        token = world.sign_in()
        assert token is not None
        if is_busy:
            with load(world, token) as heard:
                fault(world.server)
                world.server.wait_until_up()
                back.append(seconds_until_served(world, token))
            assert heard.faults == []
            # Nobody is logged out by an outage of ours.
            assert set(heard.statuses) <= {httpx.codes.OK, httpx.codes.SERVICE_UNAVAILABLE}
            longest = max(longest, heard.longest_seconds)
        else:
            fault(world.server)
            world.server.wait_until_up()
            back.append(seconds_until_served(world, token))
        assert_at_rest(world)
    # One session for each sign-in on record, and the other way round.
    (counted,) = rows_of(world.server.url, _STANDING)
    assert counted["sessions"] == counted["logins"]
    print(  # noqa: T201 - the figures that are published
        f"{fault.__name__} {'busy' if is_busy else 'idle'}: {_ROUNDS} rounds, back after "
        f"{max(back):.2f} s at most, longest request {longest:.2f} s"
    )


#: What every route is allowed, beyond the deadline of its database work: less than another one,
#: so that a route that waits twice is found out.
_MARGIN_SECONDS: Final = 4
_DATABASE_SECONDS: Final = 5
#: Two and a half seconds are promised; without its own deadline it would take five.
_READY_SECONDS: Final = 4.5
_STOP_SECONDS: Final = 30


def timed(ask: Callable[[], httpx.Response]) -> tuple[int, float]:
    began = time.monotonic()
    answer = ask()
    return answer.status_code, time.monotonic() - began


def assert_every_route_answers_in_time(
    product: WholeProduct, token: str, callback: str, *, expected: set[int]
) -> None:
    """Ask all of them at once, and then once more."""
    url = product.url
    bearer = {"Authorization": f"Bearer {token}"}
    calls: dict[str, Callable[[httpx.Client], httpx.Response]] = {
        "login": lambda client: client.get(f"{url}/api/v1/va/login"),
        "callback": lambda client: client.get(callback),
        "session": lambda client: client.get(f"{url}/api/v1/session", headers=bearer),
        "sessions": lambda client: client.get(f"{url}/api/v1/sessions", headers=bearer),
        "history": lambda client: client.get(f"{url}/api/v1/history", headers=bearer),
        "log-out": lambda client: client.delete(f"{url}/api/v1/session", headers=bearer),
        "unlink": lambda client: client.delete(f"{url}/api/v1/va/link", headers=bearer),
        "verify": lambda client: client.get(f"{url}/api/v1/verify", headers=bearer),
    }
    for _ in range(2):
        heard: dict[str, tuple[int, float]] = {}

        def ask(
            name: str,
            call: Callable[[httpx.Client], httpx.Response],
            heard: dict[str, tuple[int, float]] = heard,
        ) -> None:
            with httpx.Client(trust_env=False, timeout=_PATIENCE_SECONDS) as client:
                heard[name] = timed(lambda: call(client))

        workers = [threading.Thread(target=ask, args=each) for each in calls.items()]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert heard.keys() == calls.keys()
        for name, (status, seconds) in heard.items():
            assert status in expected, (name, status)
            assert seconds < _DATABASE_SECONDS + _MARGIN_SECONDS, (name, seconds)
    status, seconds = timed(lambda: httpx.get(f"{url}/readyz", trust_env=False, timeout=10))
    assert status == httpx.codes.SERVICE_UNAVAILABLE
    assert seconds < _READY_SECONDS


def begun_callback(product: WholeProduct) -> str:
    """The callback's URL of somebody who has signed in at the provider; without the cookie."""
    with httpx.Client(trust_env=False, timeout=_PATIENCE_SECONDS) as browser:
        started = browser.get(f"{product.url}/api/v1/va/login")
        form = browser.get(started.headers["location"])
        waiting = form.text.split('name="request" value="')[1].split('"')[0]
        where = urlsplit(started.headers["location"])._replace(query="").geturl()
        answer = browser.post(where, data={"request": waiting, "veteran": "tamara-ellis"})
    location: str = answer.headers["location"]
    return location


def stop_in_time(product: WholeProduct) -> float:
    began = time.monotonic()
    product.service.process.terminate()
    product.service.process.wait(_STOP_SECONDS)
    return time.monotonic() - began


def test_on_a_frozen_database_every_route_answers_in_time_and_so_does_sigterm(
    tmp_path: Path,
) -> None:
    with mortal_server() as server:
        migrate(server.url)
        with whole_product(tmp_path, server.url) as product:
            world = World(server=server, product=product, metrics_url="")
            token, callback = world.sign_in(), begun_callback(product)
            assert token is not None
            server.freeze()
            try:
                assert_every_route_answers_in_time(product, token, callback, expected={303, 503})
                stop_in_time(product)
            finally:
                server.thaw()


def test_with_a_stalled_standby_every_route_answers_in_time_and_comes_back(tmp_path: Path) -> None:
    with primary_and_standby(synchronous=True) as pair:
        migrate(pair.primary.url)
        with whole_product(tmp_path, pair.url) as product:
            world = World(server=pair.primary, product=product, metrics_url="")
            token, callback = world.sign_in(), begun_callback(product)
            assert token is not None
            pair.standby.freeze()
            try:
                # For as long as the lease lasts, look-ups are answered.
                assert_every_route_answers_in_time(
                    product, token, callback, expected={200, 303, 503}
                )
            finally:
                pair.standby.thaw()
            newer = _until(world.sign_in)
            with httpx.Client(trust_env=False) as client:
                assert world.validate(client, newer) == httpx.codes.OK


def _until(ask: Callable[[], str | None]) -> str:
    began = time.monotonic()
    while (answer := ask()) is None:
        assert time.monotonic() - began < _PATIENCE_SECONDS, "it should be back by now"
        time.sleep(_AGAIN_SECONDS)
    return answer
