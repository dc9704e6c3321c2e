"""The interface for recording the spans of traces."""

from abc import abstractmethod
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Protocol, Self, final

from starlette.types import ASGIApp

#: Our own words and numbers, never user input.
Attributes = Mapping[str, str | int]


class Spans(AbstractAsyncContextManager["Spans"], Protocol):
    """Records the spans of one process. Leaving the context exports those that remain."""

    @abstractmethod
    def around(self, app: ASGIApp) -> ASGIApp | None:
        """Returns an application that records each request of ``app``, or None if none is."""

    @abstractmethod
    def add(self, name: str, *, began_at: int, seconds: float, attributes: Attributes) -> None:
        """Adds a finished span as a child of the current span.

        Args:
            name: The name of the span.
            began_at: Unix time in nanoseconds.
            seconds: How long it took.
            attributes: The attributes of the span.
        """


@final
class NoSpans(Spans):
    """Records nothing."""

    def around(self, app: ASGIApp) -> ASGIApp | None:  # noqa: ARG002
        return None

    def add(self, name: str, *, began_at: int, seconds: float, attributes: Attributes) -> None:
        pass

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass
