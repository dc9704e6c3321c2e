"""Where the pages send a person who needs more than the pages: settings of the operator."""

import re
from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """How to reach a human, each None if there is no such way."""

    phone: str | None = None
    email: str | None = None
    url: str | None = None

    @property
    def is_set(self) -> bool:
        """Whether there is any way."""
        return any((self.phone, self.email, self.url))

    @property
    def phone_url(self) -> str:
        """The link that calls (RFC 3966), without what only makes the number readable."""
        number, _, extension = re.sub(r"[^0-9+x]", "", self.phone or "").partition("x")
        return f"tel:{number};ext={extension}" if extension else f"tel:{number}"

    @property
    def email_url(self) -> str:
        """The link that writes an e-mail (RFC 6068)."""
        return f"mailto:{self.email}"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """The URLs of the operator's policies, each None if there is none."""

    privacy: str | None = None
    terms: str | None = None
