"""What lets an app without cookies redeem the hand-over code of a sign-in that it started."""

import re
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from typing import Final, Self

from domain.errors import InvalidAppChallengeError, InvalidAppVerifierError
from domain.secret import Secret, hash_of

# 32 bytes in base64url. The last character holds two spare bits, which must be zero.
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]", re.ASCII)
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)


@dataclass(frozen=True, slots=True)
class AppChallenge:
    """The SHA-256 of a secret that only the app has: PKCE's S256 (RFC 7636, section 4.2).

    The app sends the challenge when the sign-in starts, and the secret (the verifier) when it
    redeems the code. Whoever sees the challenge can't compute the verifier.
    """

    digest: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads a challenge as the app sends it.

        Raises:
            InvalidAppChallengeError: It isn't the base64url of 32 bytes.
        """
        if not _CHALLENGE.fullmatch(text):
            raise InvalidAppChallengeError
        return cls(urlsafe_b64decode(text + "="))

    @classmethod
    def of(cls, verifier: Secret) -> Self:
        """Computes the challenge of a verifier.

        Raises:
            InvalidAppVerifierError: It isn't 43 to 128 of the characters that PKCE allows.
        """
        if not _VERIFIER.fullmatch(verifier.reveal()):
            raise InvalidAppVerifierError
        return cls(hash_of(verifier))
