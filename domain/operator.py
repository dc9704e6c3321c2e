"""Operators: who they are in the audit trail, and what their role allows."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from domain.errors import InvalidOperatorError, InvalidReasonError

_NAME: Final = re.compile(r"[A-Za-z0-9._@+-]{1,64}", re.ASCII)
#: Free text could hold anything: a name, an ICN, or control sequences of a terminal.
_REASON: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}", re.ASCII)
_DIGEST_CHARACTERS: Final = 32


class OperatorRole(StrEnum):
    """A role of the console. The value is the group that gives it."""

    SUPPORT = "vetassist-support"
    ADMIN = "vetassist-admin"


class OperatorRight(Enum):
    """What an act of the console needs."""

    LOOK = auto()
    END_SESSIONS = auto()
    MANAGE_USERS = auto()
    MANAGE_CLIENTS = auto()


_RIGHTS: Final = MappingProxyType(
    {
        OperatorRole.SUPPORT: frozenset({OperatorRight.LOOK, OperatorRight.END_SESSIONS}),
        OperatorRole.ADMIN: frozenset(OperatorRight),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """A person who is signed in to the console.

    Attributes:
        name: What the audit trail calls them.
        role: The most powerful of their roles.
    """

    name: str
    role: OperatorRole

    def may(self, right: OperatorRight) -> bool:
        """Whether the role includes the right."""
        return right in _RIGHTS[self.role]


def operator_name(text: str) -> str:
    """Returns an operator's name for the audit trail.

    Raises:
        InvalidOperatorError: The text isn't one word of up to 64 of the allowed characters.
    """
    if not _NAME.fullmatch(text):
        raise InvalidOperatorError("must be one word of up to 64 letters, digits and ._@+-")
    return text


def operator_name_of(subject: str) -> str:
    """Returns the name of the operator with this `sub`: the `sub` itself, or else its digest.

    Unlike an e-mail address or a user name, a `sub` never belongs to another person later (OpenID
    Connect Core 1.0, section 5.7).
    """
    try:
        return operator_name(subject)
    except InvalidOperatorError:
        return f"sub.{sha256(subject.encode()).hexdigest()[:_DIGEST_CHARACTERS]}"


def role_in(groups: Iterable[str]) -> OperatorRole | None:
    """Returns the most powerful role that the groups give, or None if they give none."""
    given = set(groups)
    return next((role for role in reversed(OperatorRole) if role.value in given), None)


def parse_reason(text: str) -> str:
    """Returns an operator's reason, which the audit trail keeps.

    Raises:
        InvalidReasonError: It isn't a short code.
    """
    if not _REASON.fullmatch(text):
        raise InvalidReasonError(
            "must be a short code, such as `lost_device`: a-z, 0-9, `_`, `.` and `-`"
        )
    return text
