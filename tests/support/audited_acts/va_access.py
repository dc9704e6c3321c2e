"""Acts: VA's tokens."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from application.errors import (
    ApplicationError,
    GrantExpiredError,
    UpstreamRejectedError,
)
from application.use_cases.va_access.rewrap_data_keys import RewrapDataKeysCommand
from application.use_cases.va_access.unlink_va_identity import UnlinkVAIdentityCommand
from domain.audit_event import AuditEventType
from domain.session_grant import SessionGrant
from domain.va_tokens import TokenField
from tests.support.audited_acts.acts import Scene, act
from tests.support.audited_acts.sessions import ending
from tests.support.builders import (
    a_provider_sign_in,
    a_visitor,
    an_identity,
    some_tokens,
)
from tests.support.early_tokens import sealed_early
from tests.support.service import Service, a_service_with
from tests.support.storage import standing_of
from tests.support.va_tokens import a_use, use

_HOUR: Final = timedelta(hours=1)
#: What a claim and a lease use up before anything is done, whatever follows.
_CLAIM: Final = {"vetassist_va_revocations": {"due_at", "attempts"}}
_LEASE: Final = {"vetassist_va_tokens": {"lease_fence", "lease_until"}}


async def _unlinking(service: Service) -> Scene:
    session = standing_of((await service.sign_in()).grant.session)
    command = UnlinkVAIdentityCommand(session=session, visitor=a_visitor())
    return Scene(
        happen=lambda: service.container.unlink_va_identity().execute(command),
        user_id=session.user_id,
        visitor=command.visitor,
    )


@act("unlink_va_identity", AuditEventType.VA_UNLINKED)
async def somebody_takes_the_link_back(service: Service) -> Scene:
    return await _unlinking(service)


@act("unlink_va_identity", AuditEventType.VA_UNLINK_REFUSED, reason="fresh_sign_in_needed")
async def somebody_has_to_sign_in_first_to_take_the_link_back(service: Service) -> Scene:
    scene = await _unlinking(service)
    service.clock.advance(timedelta(minutes=10))
    return replace(scene, ends_in=ApplicationError)


async def _revoking(service: Service) -> Scene:
    unlinking = await _unlinking(service)
    await unlinking.happen()
    return Scene(
        happen=lambda: service.container.revoke_at_va().execute(), user_id=unlinking.user_id
    )


@act("revoke_at_va", AuditEventType.VA_TOKENS_REVOKED, uses_up=_CLAIM)
async def va_revokes_tokens(service: Service) -> Scene:
    return await _revoking(service)


@act("revoke_at_va", AuditEventType.VA_TOKENS_REVOKED, uses_up=_CLAIM)
async def va_refuses_to_revoke_tokens(service: Service) -> Scene:
    scene = await _revoking(service)
    service.provider.refuse(UpstreamRejectedError("unsupported_token_type"))
    return scene


def _use_of(service: Service, grant: SessionGrant, **changes: Any) -> Scene:
    command = a_use(grant, **changes)
    return Scene(
        happen=lambda: use(service.container, command),
        user_id=grant.session.user_id,
        visitor=command.visitor,
    )


async def _with_expired_tokens(service: Service, *, refresh: bool = True) -> SessionGrant:
    tokens = some_tokens(now=service.clock.now() - _HOUR, refresh=refresh)
    return (await service.sign_in(a_provider_sign_in(tokens=tokens))).grant


@act("use_va_token", AuditEventType.VA_TOKEN_USED)
async def a_back_end_uses_vas_token(service: Service) -> Scene:
    return _use_of(service, (await service.sign_in()).grant)


@act("use_va_token", AuditEventType.VA_TOKEN_USE_REFUSED, reason="scope_not_granted")
async def a_back_end_asks_for_more_than_was_granted(service: Service) -> Scene:
    grant = (await service.sign_in()).grant
    scene = _use_of(service, grant, scopes=frozenset({"claim.write"}))
    return replace(scene, ends_in=ApplicationError)


@act("use_va_token", AuditEventType.VA_TOKEN_USE_REFUSED, reason="session_ended")
async def a_back_end_comes_after_the_sessions_end(service: Service) -> Scene:
    grant = (await service.sign_in()).grant
    await ending(service, grant, grant.session.id).happen()
    return replace(_use_of(service, grant), ends_in=ApplicationError)


@act("use_va_token", AuditEventType.VA_TOKEN_USE_REFUSED, reason="no_refresh_token")
async def a_token_has_expired_for_good(service: Service) -> Scene:
    grant = await _with_expired_tokens(service, refresh=False)
    return replace(_use_of(service, grant), ends_in=ApplicationError)


@act(
    "use_va_token",
    AuditEventType.VA_TOKENS_REFRESHED,
    AuditEventType.VA_TOKEN_USED,
    uses_up=_LEASE,
)
async def a_token_is_refreshed_for_its_use(service: Service) -> Scene:
    return _use_of(service, await _with_expired_tokens(service))


@act(
    "use_va_token",
    AuditEventType.VA_REFRESH_REFUSED,
    AuditEventType.VA_TOKEN_USE_REFUSED,
    reason="sign_in_needed",
    uses_up=_LEASE,
)
async def va_refuses_a_refresh_for_good(service: Service) -> Scene:
    grant = await _with_expired_tokens(service)
    service.provider.refuse(GrantExpiredError())
    return replace(_use_of(service, grant), ends_in=ApplicationError)


@act(
    "use_va_token",
    AuditEventType.VA_REFRESH_REFUSED,
    AuditEventType.VA_TOKEN_USE_REFUSED,
    reason="provider_unavailable",
    uses_up=_LEASE,
)
async def va_does_not_answer_a_refresh(service: Service) -> Scene:
    grant = await _with_expired_tokens(service)
    service.provider.go_down()
    return replace(_use_of(service, grant), ends_in=ApplicationError)


@act(
    "use_va_token",
    AuditEventType.VA_REFRESH_REFUSED,
    AuditEventType.VA_TOKEN_USE_REFUSED,
    reason="sign_in_needed",
    uses_up=_LEASE,
)
async def va_gives_somebody_elses_tokens(service: Service) -> Scene:
    grant = await _with_expired_tokens(service)
    service.provider.mistake_everybody_for(an_identity())
    return replace(_use_of(service, grant), ends_in=ApplicationError)


@act("shred_unused_tokens", AuditEventType.VA_TOKENS_SHREDDED)
async def unused_tokens_are_shredded(service: Service) -> Scene:
    user = await service.link(an_identity())
    service.clock.advance(timedelta(days=1000))
    return Scene(happen=lambda: service.container.shred_unused_tokens().execute(), user_id=user.id)


@act("rewrap_data_keys", AuditEventType.KEYS_REWRAPPED)
async def keys_are_rewrapped(service: Service) -> Scene:
    old = {"old": secrets.token_bytes(32)}
    await a_service_with(service.storage, old).link(an_identity())
    return _rewrapping(service, {"new": secrets.token_bytes(32)} | old)


def _rewrapping(service: Service, master_keys: Mapping[str, bytes]) -> Scene:
    after = a_service_with(service.storage, master_keys)
    command = RewrapDataKeysCommand(is_dry_run=False, on_progress=lambda _done: None)
    return Scene(happen=lambda: after.container.rewrap_data_keys().execute(command))


@act("rewrap_data_keys", AuditEventType.KEYS_REWRAPPED)
async def keys_cannot_be_read(service: Service) -> Scene:
    await a_service_with(service.storage, {"old": secrets.token_bytes(32)}).link(an_identity())
    return _rewrapping(service, {"new": secrets.token_bytes(32)})


@act("rewrap_data_keys", AuditEventType.KEYS_REWRAPPED)
async def tokens_of_before_are_upgraded(service: Service) -> Scene:
    key = secrets.token_bytes(32)
    owner = a_service_with(service.storage, {"k1": key})
    user_id = (await owner.link(an_identity())).id
    token = some_tokens().access_token
    async with service.storage.unit_of_work() as work:
        stored = await work.va_tokens.find(user_id)
        assert stored is not None
        early = sealed_early(
            token, master_key_id="k1", master_key=key, user_id=user_id, field=TokenField.ACCESS
        )
        await work.va_tokens.reseal(replace(stored, access_token=early))
        await work.commit()
    return replace(_rewrapping(service, {"k1": key}), user_id=user_id)
