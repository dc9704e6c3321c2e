"""The states of a page that shows an account."""

from enum import StrEnum


class PageState(StrEnum):
    """What the page shows. Scripts know the states by the same names."""

    LOADING = "loading"
    SIGNED_IN = "signed-in"
    ENDED = "ended"
    UNAVAILABLE = "unavailable"
