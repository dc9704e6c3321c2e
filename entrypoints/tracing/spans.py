"""Where what was done, and when, is noted as part of a trace."""

from abc import abstractmethod
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Protocol, Self, final

from starlette.types import ASGIApp

#: Words and numbers of ours; never what was sent.
Attributes = Mapping[str, str | int]


class Spans(AbstractAsyncContextManager["Spans"], Protocol):
    """Takes the spans of one process; leaving it hands over what is still here."""

    @abstractmethod
    def around(self, app: ASGIApp) -> ASGIApp | None:
        """An application that notes each request of ``app``; None when nothing is noted."""

    @abstractmethod
    def add(self, name: str, *, began_at: int, seconds: float, attributes: Attributes) -> None:
        """Note something that is over, as a part of what is under way.

        Args:
            name: What was done.
            began_at: Unix time in nanoseconds.
            seconds: How long it took.
            attributes: What else there is to say.
        """


@final
class NoSpans(Spans):
    """Notes nothing."""

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
