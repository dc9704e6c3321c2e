"""What a Veteran is told of the use of their VA connection."""

from dataclasses import dataclass

from domain.audit_record import AuditMark
from domain.va_token_use import TokenPurpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """One use of a Veteran's VA token by a back end.

    Attributes:
        mark: Where it stands in the account, and when it was.
        client_name: None when nobody knows the client any more.
        purpose: None for one that the list no longer holds.
    """

    mark: AuditMark
    client_name: str | None
    purpose: TokenPurpose | None
    scope: str
