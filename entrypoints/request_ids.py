"""Names for requests, to find one again in the logs and in the audit trail."""

import itertools
import secrets
from collections.abc import Iterator
from typing import Final

_PREFIX_BYTES: Final = 6
#: Where a request's scope keeps its id.
REQUEST_ID: Final = "vetassist.request_id"


def request_ids() -> Iterator[str]:
    """Ids that are unique across processes and restarts; no secrets, and cheap to make."""
    prefix = secrets.token_hex(_PREFIX_BYTES)
    return (f"{prefix}-{number:x}" for number in itertools.count(1))
