"""Refreshes VA's tokens once per generation, however many callers ask for it."""

import asyncio
import logging
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import final

from application.errors import (
    GrantExpiredError,
    MisconfiguredError,
    ProviderUnavailableError,
    UnusableTokensError,
    UnwantedTokensError,
    UpstreamRejectedError,
)
from application.ports.identity_provider import IdentityProvider
from application.va_refresh_leases import VARefreshLeases
from application.va_refresh_results import VARefreshResults
from domain.identifiers import ICN, UserId
from domain.secret import Secret
from domain.va_identity import VAAccount
from domain.va_token_refresh import RefreshLease, TokenGeneration

_log = logging.getLogger("vetassist.va_tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRefresh:
    """Tokens that are about to expire.

    Attributes:
        icn: The person whom they belong to, or None if unknown.
        scope: The granted scope.
    """

    user_id: UserId
    icn: ICN | None = field(repr=False)
    generation: TokenGeneration
    account: VAAccount
    refresh_token: Secret
    scope: str


@final
class VATokenRefresher(AbstractAsyncContextManager["VATokenRefresher"]):
    """Calls VA while it holds no database connection and no lock.

    Within a process, all callers for a user wait for the same task. Between processes, a lease
    decides which one calls VA. Leaving the context waits for the running tasks, so that no
    answer of VA's is lost.
    """

    def __init__(
        self, *, provider: IdentityProvider, leases: VARefreshLeases, results: VARefreshResults
    ) -> None:
        self._provider = provider
        self._leases = leases
        self._results = results
        self._running: dict[UserId, asyncio.Task[None]] = {}

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._running:
            await asyncio.wait(self._running.values())

    async def refresh(self, due: DueRefresh) -> None:
        """Ensures that the tokens were refreshed, or that the attempt failed.

        Doesn't return the result. Read the stored tokens and their state again.

        Raises:
            UnavailableError: Storage did not answer.
        """
        running = self._running.get(due.user_id)
        if running is None:
            # A task of its own: VA's answer is stored even if the first caller goes away.
            running = asyncio.create_task(self._run(due))
            running.add_done_callback(_retrieve_exception)
            self._running[due.user_id] = running
        await asyncio.shield(running)

    async def _run(self, due: DueRefresh) -> None:
        try:
            lease = await self._leases.take(due.user_id, due.generation)
            if lease is not None:
                await self._refresh(due, lease)
        finally:
            del self._running[due.user_id]

    async def _refresh(self, due: DueRefresh, lease: RefreshLease) -> None:
        try:
            tokens = await self._provider.refresh(
                due.refresh_token, account=due.account, icn=due.icn, scope=due.scope
            )
        except UnwantedTokensError as error:
            # The grant isn't this Veteran's anymore, so its refresh token is revoked in any case.
            refresh_token = error.tokens.refresh_token or due.refresh_token
            unwanted = replace(error.tokens, refresh_token=refresh_token)
            await self._results.reject(lease, unwanted, reason=error.reason)
        except UnusableTokensError as error:
            await self._results.keep_refresh_token(lease, error.refresh_token, reason=error.reason)
        except GrantExpiredError as error:
            await self._results.require_sign_in(lease, reason=error.reason)
        except UpstreamRejectedError as error:
            if isinstance(error, MisconfiguredError):
                _log.error("va_refresh_refused", extra={"reason": error.reason})
            await self._results.put_off(lease, reason=error.reason)
        except ProviderUnavailableError as error:
            await self._results.put_off(lease, reason=error.code, retry_after=error.retry_after)
        else:
            await self._results.keep(lease, tokens)


def _retrieve_exception(task: asyncio.Task[None]) -> None:
    """Marks the exception as retrieved, because every caller may have gone away."""
    if not task.cancelled():
        task.exception()
