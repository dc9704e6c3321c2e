"""VA's OAuth tokens, open and sealed."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.identifiers import UserId
from domain.secret import Secret


class TokenField(StrEnum):
    """The column that stores a sealed token. Sealing binds the token to its column."""

    ACCESS = "access_token"
    REFRESH = "refresh_token"
    ID = "id_token"


@dataclass(frozen=True, slots=True, kw_only=True)
class VATokens:
    """The tokens that VA's token endpoint returned.

    Attributes:
        refresh_token: None if VA left it out.
        id_token: None if VA left it out.
        scope: The granted scopes, separated by spaces. May be fewer than were requested.
        expires_at: First instant (UTC) at which the access token is no longer valid.
    """

    access_token: Secret
    refresh_token: Secret | None
    id_token: Secret | None
    token_type: str
    scope: str
    expires_at: datetime

    @property
    def to_revoke(self) -> tuple[Secret, TokenField]:
        """The token to revoke at VA in order to end all of them.

        Revoking a refresh token also ends its access tokens (RFC 7009, section 2.1).
        """
        if self.refresh_token is None:
            return self.access_token, TokenField.ACCESS
        return self.refresh_token, TokenField.REFRESH


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedVATokens:
    """The same tokens, encrypted. Only this form is stored.

    Attributes:
        refresh_token: None if there is no new one. A stored one then stays.
        id_token: As for ``refresh_token``.
    """

    user_id: UserId
    access_token: bytes = field(repr=False)
    refresh_token: bytes | None = field(repr=False)
    id_token: bytes | None = field(repr=False)
    token_type: str
    scope: str
    expires_at: datetime
