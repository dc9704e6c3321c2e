"""The people who can sign in: VA's published test Veterans and any number of synthetic ones."""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

_SYNTHETIC_KEY: Final = re.compile(r"synthetic-(0|[1-9][0-9]{0,9})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Veteran:
    """One person who can sign in.

    Attributes:
        key: Identifies the person in the sign-in form.
        icn: The ICN, or None if VA found no match.
        not_confirmed_reason: Why VA doesn't confirm Veteran status, or None if it does.
    """

    key: str
    given_name: str
    middle_name: str | None = None
    family_name: str
    email: str
    icn: str | None
    not_confirmed_reason: str | None = None

    @property
    def name(self) -> str:
        """The full name, as VA writes it."""
        return " ".join(filter(None, (self.given_name, self.middle_name, self.family_name)))

    @property
    def status(self) -> str:
        """Veteran status as VA's API returns it."""
        return "not confirmed" if self.not_confirmed_reason else "confirmed"

    @property
    def okta_id(self) -> str:
        """The OpenID subject: the id of the account at VA's identity provider, never the ICN."""
        return f"00u{self._digest('okta')[:17]}"

    @property
    def idp_id(self) -> str:
        """The id of the account at the credential provider behind VA's identity provider."""
        return self._digest("idp")[:32]

    def _digest(self, purpose: str) -> str:
        return sha256(f"{purpose}:{self.key}".encode()).hexdigest()


#: Names, logins and ICNs are VA's published test data. VA publishes no status for Jesse Gray.
#: The one here makes sure that every answer of the status API occurs.
TEST_VETERANS: Final = (
    Veteran(
        key="tamara-ellis",
        given_name="Tamara",
        middle_name="E",
        family_name="Ellis",
        email="va.api.user+idme.001@gmail.com",
        icn="1012667145V762142",
    ),
    Veteran(
        key="janet-moore",
        given_name="Janet",
        middle_name="L",
        family_name="Moore",
        email="va.api.user+idme.002@gmail.com",
        icn="1012861229V078999",
    ),
    Veteran(
        key="ralph-lee",
        given_name="Ralph",
        middle_name="E",
        family_name="Lee",
        email="va.api.user+idme.003@gmail.com",
        icn="1012667169V030190",
    ),
    Veteran(
        key="jesse-gray",
        given_name="Jesse",
        family_name="Gray",
        email="va.api.user+idme.004@gmail.com",
        icn="1012666073V986297",
        not_confirmed_reason="MORE_RESEARCH_REQUIRED",
    ),
    Veteran(
        key="greg-anderson",
        given_name="Greg",
        middle_name="A",
        family_name="Anderson",
        email="va.api.user+idme.008@gmail.com",
        icn="1012666182V203559",
        not_confirmed_reason="NOT_TITLE_38",
    ),
    # Some representatives can sign in at VA without being in its person index.
    Veteran(
        key="no-icn",
        given_name="Representative",
        family_name="without an ICN",
        email="representative@veterans.example",
        icn=None,
        not_confirmed_reason="PERSON_NOT_FOUND",
    ),
)
_BY_KEY: Final = {veteran.key: veteran for veteran in TEST_VETERANS}


def find_veteran(key: str) -> Veteran | None:
    """Returns the person with that key, or None.

    ``synthetic-<n>`` always exists, for tests that need many different people.
    """
    synthetic = _SYNTHETIC_KEY.fullmatch(key)
    return _synthetic(int(synthetic[1])) if synthetic else _BY_KEY.get(key)


def _synthetic(number: int) -> Veteran:
    return Veteran(
        key=f"synthetic-{number}",
        given_name="Synthetic",
        middle_name="test",
        family_name=f"Veteran {number}",
        email=f"synthetic-{number}@veterans.example",
        icn=f"{number:010d}V{number % 1_000_000:06d}",
    )
