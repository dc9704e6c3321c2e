"""Front ends: what one can be, and how long its sessions last."""

from datetime import timedelta
from uuid import uuid4

import pytest

from domain.errors import InvalidFrontEndError
from domain.front_end import SETTINGS_FRONT_END, FrontEnd, SessionDelivery, parse_front_end_id
from domain.session_limits import SessionLimits
from tests.support.builders import NOW, a_front_end

MINUTE = timedelta(minutes=1)
SERVICE = SessionLimits(
    idle=30 * MINUTE, absolute=600 * MINUTE, token=20 * MINUTE, warning=5 * MINUTE
)


@pytest.mark.parametrize(
    ("idle", "absolute", "expected"),
    [
        (None, None, (30, 600, 5)),
        (30, 600, (30, 600, 5)),
        (8, None, (8, 600, 4)),
        (1, None, (1, 600, 0.5)),
        (None, 40, (30, 40, 5)),
        (None, 8, (8, 8, 4)),
        # The service's limits became shorter after the front end was registered.
        (60, 900, (30, 600, 5)),
        (25, 20, (20, 20, 5)),
    ],
)
def test_the_limits_are_never_longer_than_the_services(
    idle: int | None, absolute: int | None, expected: tuple[float, float, float]
) -> None:
    front_end = a_front_end(idle=idle and idle * MINUTE, absolute=absolute and absolute * MINUTE)
    limits = front_end.limits(SERVICE)

    assert (limits.idle, limits.absolute, limits.warning) == tuple(n * MINUTE for n in expected)
    assert (limits.token, limits.renew_grace) == (SERVICE.token, SERVICE.renew_grace)


@pytest.mark.parametrize(
    ("idle", "absolute", "fault"),
    [
        (31, None, "the idle limit must be at most the service's, 30 minutes"),
        (None, 601, "the absolute limit must be at most the service's, 600 minutes"),
        (20, 10, "the idle limit must be at most the absolute limit"),
    ],
)
def test_longer_limits_are_refused(idle: int | None, absolute: int | None, fault: str) -> None:
    front_end = a_front_end(idle=idle and idle * MINUTE, absolute=absolute and absolute * MINUTE)
    with pytest.raises(InvalidFrontEndError, match=f"^{fault}$"):
        front_end.check_limits(SERVICE)


def test_limits_within_the_services_are_accepted() -> None:
    a_front_end().check_limits(SERVICE)
    a_front_end(idle=30 * MINUTE, absolute=600 * MINUTE).check_limits(SERVICE)
    a_front_end(idle=10 * MINUTE, absolute=10 * MINUTE).check_limits(SERVICE)


@pytest.mark.parametrize("name", ["", " ", "x" * 81, "two\nlines", "\x1b[31mred"])
def test_a_name_is_one_short_line(name: str) -> None:
    with pytest.raises(InvalidFrontEndError) as refused:
        a_front_end(name=name)
    assert str(refused.value) == "the name must be 1 to 80 printable characters"


@pytest.mark.parametrize("name", ["x", "x" * 80])
def test_a_name_has_from_1_to_80_characters(name: str) -> None:
    assert a_front_end(name=name).name == name


def test_the_settings_front_end_is_named_by_its_host() -> None:
    front_end = FrontEnd.of_settings(
        url="https://app.example.org:8443/portal", delivery=SessionDelivery.CODE
    )

    assert front_end.name == "app.example.org:8443"
    assert front_end.origin == "https://app.example.org:8443"
    assert front_end.is_of_settings
    assert front_end.id == SETTINGS_FRONT_END
    assert front_end.is_enabled
    long = FrontEnd.of_settings(
        url="https://" + "a." * 100 + "example", delivery=SessionDelivery.CODE
    )
    assert len(long.name) == 80


def test_a_disabled_front_end_stays_what_it_was() -> None:
    front_end = a_front_end()

    assert not front_end.disabled(NOW).is_enabled
    assert front_end.disabled(NOW).url == front_end.url


def test_an_id_has_one_spelling() -> None:
    front_end_id = uuid4()

    assert parse_front_end_id(str(front_end_id)) == front_end_id
    for text in (front_end_id.hex, f"{{{front_end_id}}}", str(front_end_id).upper(), "", "x"):
        assert parse_front_end_id(text) is None
