"""What VA asserted about the person who signed in, once verified."""

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
        issuer: Who vouches for it: the verified `iss`.
        subject: The account at that issuer: the verified `sub`. Never an ICN.
        icn: The person; None when no source named one this time.
        status: None when VA did not say this time, so that the stored answer stays.
        given_name: None when VA did not say.
        family_name: None when VA did not say.
        email: None when VA did not say.
        is_complete: False when a source that should have been heard did not answer.
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
        """Which account vouched for the person."""
        return VAAccount(issuer=self.issuer, subject=self.subject)
