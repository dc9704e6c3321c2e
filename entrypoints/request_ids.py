"""Request ids, which identify a request in the logs and in the audit trail."""

import itertools
import secrets
from collections.abc import Iterator
from typing import Final

_PREFIX_BYTES: Final = 6
#: The key of the id in the scope of a request.
REQUEST_ID: Final = "vetassist.request_id"


def request_ids() -> Iterator[str]:
    """Ids that are unique across processes and restarts. They are cheap, and not secret."""
    prefix = secrets.token_hex(_PREFIX_BYTES)
    return (f"{prefix}-{number:x}" for number in itertools.count(1))
