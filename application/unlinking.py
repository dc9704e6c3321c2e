"""Takes a link to VA back, inside a unit of work."""

from application.outbox_entries import OutboxEntries
from application.ports.unit_of_work import UnitOfWork
from domain.identifiers import SessionId, UserId
from domain.revocation import Revocation


async def end_link(
    work: UnitOfWork, outbox_entries: OutboxEntries, user_id: UserId, revocation: Revocation
) -> list[SessionId]:
    """Destroys a user's data key and tokens, queues them to be revoked, and ends every session.

    The caller has locked the user, and decides about the aliases. Returns the sessions that ended.

    Raises:
        UnavailableError: Storage or the KMS did not answer.
    """
    await outbox_entries.revoke_and_destroy(work, user_id, now=revocation.at)
    return await work.sessions.revoke_all(user_id, revocation)
