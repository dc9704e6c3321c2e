"""Verified facts about a person who signed in at VA."""

from dataclasses import dataclass, field

from domain.identifiers import ICN
from domain.veteran_status import VeteranStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class VAAccount:
    """An account at the identity provider.

    Attributes:
        issuer: The verified `iss`.
        subject: The verified `sub`. Never an ICN.
    """

    issuer: str
    subject: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class VAIdentity:
    """Verified facts about one person, from one sign-in.

    Attributes:
        issuer: The verified `iss`.
        subject: The verified `sub`. Never an ICN.
        icn: The ICN of the person, or None if no source provided it.
        status: None if VA didn't provide it. The stored status then stays.
        given_name: None if VA didn't provide it.
        family_name: None if VA didn't provide it.
        email: None if VA didn't provide it.
        is_complete: False if a source that was asked didn't answer. The status API counts only
            if no other source named the ICN.
    """

    issuer: str
    subject: str = field(repr=False)
    icn: ICN | None
    status: VeteranStatus | None
    given_name: str | None = field(repr=False)
    family_name: str | None = field(repr=False)
    email: str | None = field(repr=False)
    is_complete: bool

    @property
    def account(self) -> VAAccount:
        """The account that the person signed in with."""
        return VAAccount(issuer=self.issuer, subject=self.subject)
