"""VA's OAuth tokens, in the open and sealed."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.identifiers import UserId
from domain.secret import Secret


class TokenField(StrEnum):
    """The column a sealed token stands in; sealing binds it to that column."""

    ACCESS = "access_token"
    REFRESH = "refresh_token"
    ID = "id_token"


@dataclass(frozen=True, slots=True, kw_only=True)
class VATokens:
    """What VA's token endpoint gave.

    Attributes:
        refresh_token: None when VA left it out.
        id_token: None when VA left it out.
        scope: What was granted, separated by spaces; may be less than was asked.
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
        """The token that VA is told of when it is to end all of them.

        Revoking a refresh token ends its access tokens as well (RFC 7009, section 2.1).
        """
        if self.refresh_token is None:
            return self.access_token, TokenField.ACCESS
        return self.refresh_token, TokenField.REFRESH


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedVATokens:
    """The same, encrypted; the only form that is stored.

    Attributes:
        refresh_token: None when there is none to store; a stored one then stays.
        id_token: The same.
    """

    user_id: UserId
    access_token: bytes = field(repr=False)
    refresh_token: bytes | None = field(repr=False)
    id_token: bytes | None = field(repr=False)
    token_type: str
    scope: str
    expires_at: datetime
