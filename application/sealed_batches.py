"""Reads the sealed batches of the audit trail page by page."""

from collections.abc import AsyncIterator
from typing import Final

from application.ports.sealed_trail import SealedTrail, StoredBatch

_PAGE: Final = 200


async def sealed_batches(trail: SealedTrail) -> AsyncIterator[StoredBatch]:
    """Yields every stored batch, oldest first.

    Raises:
        TrailUnreadableError: A part of the trail is missing.
        UnavailableError: The store did not answer.
    """
    after = None
    while page := await trail.batches(after=after, limit=_PAGE):
        for batch in page:
            yield batch
        after = page[-1].sealed.header.number
