"""The wiring: everything can be built, and every route finds what it needs."""

import re
from uuid import uuid4

from dependency_injector import containers, providers
from starlette.routing import Route

from entrypoints.container import Container
from tests.support.environment import read, required_settings
from tests.support.product import SERVICE_URL, running_product


def container() -> Container:
    return Container(settings=read(required_settings()))


def test_every_provider_builds_what_it_promises() -> None:
    built = container()
    built.check_dependencies()

    objects = {name: provider() for name, provider in built.providers.items()}

    # A server is nobody's.
    assert objects.pop("operator") is None
    assert len(objects) > 20
    assert all(built is not None for built in objects.values())


def test_every_object_behind_a_provider_can_be_built_too() -> None:
    # Those without a name, inside the arguments of another.
    for provider in container().traverse(types=[providers.Singleton, providers.Callable]):
        assert provider() is not None


def test_building_is_done_once_for_all_but_the_units_of_work() -> None:
    built = container()
    for name, provider in built.providers.items():
        if isinstance(provider, providers.Singleton):
            assert provider() is provider(), name
    assert built.unit_of_work() is not built.unit_of_work()


def test_what_va_answers_a_refresh_is_waited_for_before_the_store_is_closed() -> None:
    built = container()
    lifetimes: list[object] = [*built.lifetimes()]

    # Left in reverse: after the pools, and after the provider.
    refresher = lifetimes.index(built.va_token_refresher())
    assert 1 < lifetimes.index(built.identity_provider()) < refresher


def test_two_containers_share_nothing() -> None:
    one, other = container(), container()
    for name, provider in one.providers.items():
        if isinstance(provider, providers.Singleton):
            assert provider() is not other.providers[name](), name


def test_a_container_without_settings_is_told_so_before_it_builds_anything() -> None:
    missing = None
    try:
        Container().check_dependencies()
    except Exception as error:  # noqa: BLE001 - the library raises its own kind
        missing = str(error)
    assert missing is not None
    assert "settings" in missing


def test_the_container_is_declared_and_not_dynamic() -> None:
    assert issubclass(Container, containers.DeclarativeContainer)


async def test_every_route_works_over_the_memory_adapters() -> None:
    async with running_product(frontend_url=SERVICE_URL) as product:
        driven = 0
        for route in product.app.routes:
            if not isinstance(route, Route):
                continue
            for method in sorted(route.methods or ()):
                signed_in = await product.sign_in()
                path = re.sub(r"{[^}]*}", str(uuid4()), route.path)
                answer = await signed_in.browser.http.request(
                    method, path, headers=signed_in.headers
                )
                assert answer.status_code < 500, f"{method} {route.path}: {answer.text}"
                assert answer.status_code != 405, f"{method} {route.path}"
                driven += 1
        assert driven > 15
