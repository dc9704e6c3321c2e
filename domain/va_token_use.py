"""The purposes that a VA token can be used for."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class TokenPurpose(StrEnum):
    """The closed list of purposes. Each one is something that a scope of VA permits.

    The values are stored in the audit trail and are never reused.
    """

    VETERAN_STATUS = "veteran_status"
    SERVICE_HISTORY = "service_history"
    DISABILITY_RATING = "disability_rating"
    ENROLLED_BENEFITS = "enrolled_benefits"
    HEALTH_RECORDS = "health_records"
    CLAIM_STATUS = "claim_status"
    CLAIM_FILING = "claim_filing"

    @property
    def plain_name(self) -> str:
        """The purpose as the Veteran reads it, after the words "in order to"."""
        return _PLAIN_NAMES[self]


_PLAIN_NAMES: Final[Mapping[TokenPurpose, str]] = {
    TokenPurpose.VETERAN_STATUS: "confirm that you are a Veteran",
    TokenPurpose.SERVICE_HISTORY: "read your service history",
    TokenPurpose.DISABILITY_RATING: "read your disability rating",
    TokenPurpose.ENROLLED_BENEFITS: "see which benefits you are enrolled in",
    TokenPurpose.HEALTH_RECORDS: "read your health records",
    TokenPurpose.CLAIM_STATUS: "see how your claims are doing",
    TokenPurpose.CLAIM_FILING: "file a claim for you",
}
