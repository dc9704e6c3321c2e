"""Use case: link a VA identity to its user."""

from dataclasses import dataclass
from typing import final

from application.errors import ProviderUnavailableError
from application.ports.clock import Clock
from application.ports.secret_source import SecretSource
from application.ports.token_cipher import SealBrokenError
from application.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from application.ports.visitor_pseudonyms import VisitorPseudonyms
from application.sign_in_errors import (
    AccountDisabledError,
    IdentityConflictError,
    IdentityMissingError,
)
from application.token_sealing import TokenSealing
from domain.audit_event import AuditEvent, AuditEventType
from domain.data_key import DataKey
from domain.identifiers import UserId
from domain.user import LinkedUser, User
from domain.va_identity import VAIdentity
from domain.va_tokens import VATokens
from domain.visitor import Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkVAIdentityCommand:
    """A verified identity, the VA tokens issued with it, and the visitor."""

    identity: VAIdentity
    tokens: VATokens
    visitor: Visitor


@final
class LinkVAIdentity:
    """Finds or creates the user of a VA identity, and stores the VA tokens sealed."""

    def __init__(
        self,
        *,
        unit_of_work: UnitOfWorkFactory,
        sealing: TokenSealing,
        secrets: SecretSource,
        pseudonyms: VisitorPseudonyms,
        clock: Clock,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._sealing = sealing
        self._secrets = secrets
        self._pseudonyms = pseudonyms
        self._clock = clock

    async def execute(self, command: LinkVAIdentityCommand) -> User:
        """Links in a transaction of its own. Raises the same errors as ``join``."""
        async with self._unit_of_work() as work:
            user = await self.join(work, command)
            await work.commit()
        return user

    async def join(self, work: UnitOfWork, command: LinkVAIdentityCommand) -> User:
        """Links inside a unit of work. The caller commits, but not after an error.

        Raises:
            IdentityMissingError: VA names no ICN.
            IdentityConflictError: The ICN and the account at VA belong to different users.
            AccountDisabledError: The operator disabled the user.
            ProviderUnavailableError: VA can't name the ICN now, and no user has this account.
            UnavailableError: Storage did not answer.
        """
        now = self._clock.now()
        linked = await self._find_or_make(work, command.identity)
        if linked.is_conflicting:
            # Record the user of the account at VA: this unit may have created the other one.
            raise IdentityConflictError(
                "subject_of_another_user",
                linked.alias_owner,
                account=self._pseudonyms.of_account(command.identity.account),
                icn_user=None if linked.is_new else linked.user.id,
            )
        if not linked.user.is_active:
            raise AccountDisabledError(linked.user.id)
        key = await self._key_of(work, linked, command.visitor)
        sealed = self._sealing.seal(command.tokens, key)
        await work.va_tokens.save(sealed, account=command.identity.account, now=now)
        if linked.is_new:
            event = AuditEvent.va_linked(linked.user.id, visitor=command.visitor, now=now)
            await work.audit.append(event)
        if linked.changed:
            event = AuditEvent.of_user(
                AuditEventType.ATTRIBUTES_CHANGED,
                linked.user.id,
                visitor=command.visitor,
                now=now,
                attributes=" ".join(linked.changed),
            )
            await work.audit.append(event)
        return linked.user

    async def _key_of(self, work: UnitOfWork, linked: LinkedUser, visitor: Visitor) -> DataKey:
        try:
            return await self._sealing.key_for(work, linked.user.id, linked.data_key)
        except SealBrokenError:
            if linked.data_key is None:
                raise
        # A Veteran can sign in even if the stored key was damaged or its master key is missing. The
        # tokens that it sealed can't be opened anymore, and this sign-in brings new ones.
        await work.va_tokens.destroy(linked.user.id)
        event = AuditEvent.of_user(
            AuditEventType.DATA_KEY_REPLACED,
            linked.user.id,
            visitor=visitor,
            now=self._clock.now(),
            master_key=linked.data_key.master_key_id,
        )
        await work.audit.append(event)
        return await self._sealing.replacement_for(work, linked.data_key)

    async def _find_or_make(self, work: UnitOfWork, identity: VAIdentity) -> LinkedUser:
        now = self._clock.now()
        if identity.is_complete:
            if identity.icn is None:
                raise IdentityMissingError("no_icn")
            new_id = UserId(self._secrets.uuid())
            return await work.users.link(identity, identity.icn, new_id=new_id, now=now)

        # Part of VA did not answer, so only a known user can sign in.
        known = await work.users.link_alias(identity, now=now)
        if known is None:
            raise ProviderUnavailableError
        if identity.icn is not None and identity.icn != known.user.icn:
            raise IdentityConflictError(
                "icn_of_another_user",
                known.user.id,
                account=self._pseudonyms.of_account(identity.account),
                icn_user=await work.users.find_by_icn(identity.icn),
            )
        return known
