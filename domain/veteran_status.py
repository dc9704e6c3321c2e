"""Whether VA confirms that a person is a Veteran."""

from enum import StrEnum


class VeteranStatus(StrEnum):
    """The answer of VA's status API.

    Source: Veteran Verification API v2, `attributes.veteran_status`.
    """

    CONFIRMED = "confirmed"
    NOT_CONFIRMED = "not confirmed"
    UNKNOWN = "unknown"
