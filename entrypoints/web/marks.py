"""Positions in the audit trail, as text that a client sends back for the next page."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import Final

from domain.audit_record import AuditMark
from entrypoints.web.timestamps import rfc3339

_MAX_CHARACTERS: Final = 200


def text_of(mark: AuditMark) -> str:
    """The mark as text that needs no escaping in a URL."""
    text = f"{rfc3339(mark.occurred_at)} {mark.key}"
    return urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def mark_of(text: str) -> AuditMark:
    """The mark of a text from ``text_of``.

    Raises:
        ValueError: The text isn't from ``text_of``.
    """
    if len(text) > _MAX_CHARACTERS:
        raise ValueError("too long")
    decoded = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
    instant, _, key = decoded.partition(" ")
    try:
        mark = AuditMark(occurred_at=datetime.fromisoformat(instant), key=key)
        is_ours = mark.occurred_at.tzinfo is not None and text_of(mark) == text
    except OverflowError as error:
        raise ValueError("beyond all time") from error
    if not key.isprintable() or not is_ours:
        raise ValueError("not one of ours")
    return mark
