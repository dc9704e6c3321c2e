"""What a signed-in operator can do, one act for each route."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from domain.operator import OperatorRight
from entrypoints.console.forms import Form
from entrypoints.console.operator_sessions import SignedIn

#: Where everything of the console is, so that it has no path in common with the service.
HOME: Final = "/console"
SIGN_IN: Final = f"{HOME}/sign-in"

Perform = Callable[[Request, SignedIn, Form], Awaitable[Response]]


class Method(StrEnum):
    """How an act is requested: to look, or to change something."""

    LOOK = "GET"
    CHANGE = "POST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One route.

    Attributes:
        method: CHANGE also for a search, whose text must not be in an address.
        path: Below ``HOME``.
        right: What the operator needs.
        perform: Runs a use case and shows what it returns.
    """

    method: Method
    path: str
    right: OperatorRight
    perform: Perform


def look(path: str, perform: Perform, right: OperatorRight = OperatorRight.LOOK) -> Act:
    """An act that shows something."""
    return Act(method=Method.LOOK, path=HOME + path, right=right, perform=perform)


def change(path: str, perform: Perform, right: OperatorRight) -> Act:
    """An act with a form."""
    return Act(method=Method.CHANGE, path=HOME + path, right=right, perform=perform)
