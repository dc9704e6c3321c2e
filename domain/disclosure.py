"""What a Veteran sees about each use of their VA tokens."""

from dataclasses import dataclass

from domain.audit_record import AuditMark
from domain.va_token_use import TokenPurpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """One use of a Veteran's VA token by a back end.

    Attributes:
        mark: Its position in the list, which includes when it happened.
        client_name: None if the client is no longer known.
        purpose: None if ``TokenPurpose`` no longer contains it.
    """

    mark: AuditMark
    client_name: str | None
    purpose: TokenPurpose | None
    scope: str
