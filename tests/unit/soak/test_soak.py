"""What counts as growth."""

import pytest

from tests.soak.soak import Span, growth


def span(*, memory: float = 80.0, connections: int = 7, files: int = 30) -> Span:
    return Span(memory=[memory], connections=[connections], files=[files])


def test_what_stays_or_is_still_being_loaded_is_no_growth() -> None:
    assert growth([span(memory=60.0, files=10), span(), span(), span(memory=84.0)]) == []


@pytest.mark.parametrize(
    ("last", "fault"),
    [
        (span(memory=86.0), "MiB: 80 in the first half, 86 in the second"),
        (span(connections=13), "connections: 7 in the first half, 13 in the second"),
        (span(files=41), "files: 30 in the first half, 41 in the second"),
    ],
)
def test_what_the_second_half_has_more_of_has_grown(last: Span, fault: str) -> None:
    assert growth([span(), span(), span(), last]) == [fault]
