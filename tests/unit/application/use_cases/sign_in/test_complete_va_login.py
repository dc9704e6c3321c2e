"""Taking VA's answer: a session, or one row that says why there is none."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import anyio
import pytest

from adapters.memory.store import MemoryStore, MemoryTables
from application.errors import (
    ApplicationError,
    ClientRejectedByProviderError,
    ConflictError,
    GrantExpiredError,
    MisconfiguredError,
    RequestRefusedByProviderError,
    UnavailableError,
)
from application.second_chances import VALoginRestarted
from application.sign_in_errors import (
    FrontEndGoneError,
    SignInFailedError,
    SignInMisconfiguredError,
    SignInPostponedError,
    SignInUncertainError,
)
from application.use_cases.sign_in.complete_va_login import CompleteVALoginCommand, VALoginCompleted
from domain.audit_event import AuditEventType
from domain.front_end import SETTINGS_FRONT_END
from domain.identifiers import ICN, UserId
from domain.return_path import ReturnPath
from domain.revocation import Revocation, RevokedBy
from domain.secret import Secret
from domain.sign_in_failure import SignInFailure
from domain.va_identity import VAAccount
from domain.veteran_status import VeteranStatus
from tests.support.builders import (
    ISSUER,
    LOGIN_LIFETIME,
    a_front_end,
    a_provider_sign_in,
    a_subject,
    a_visitor,
    an_icn,
    an_identity,
    some_login_secrets,
    some_tokens,
)
from tests.support.outages import down_storage, failing_once
from tests.support.service import MemoryService, a_memory_service
from tests.support.storage import a_stored_user, memory_storage


async def gone() -> bool:
    return True


async def failure_of(service: MemoryService, command: CompleteVALoginCommand) -> SignInFailedError:
    with pytest.raises(SignInFailedError) as failed:
        await service.come_back(command)
    return failed.value


def everything_but_the_audit(store: MemoryStore) -> MemoryTables:
    tables = store.committed.copy()
    tables.audit = []
    # An attempt that was taken stays so, whatever follows.
    tables.login_attempts = {}
    return tables


async def assert_refused(
    service: MemoryService,
    command: CompleteVALoginCommand,
    failure: SignInFailure,
    reason: str,
    *,
    user_id: UserId | None = None,
    account: VAAccount | None = None,
) -> SignInFailedError:
    """The sign-in fails like that; the audit says so in one row; nothing else changes."""
    before, told = everything_but_the_audit(service.store), len(service.audit)
    failed = await failure_of(service, command)

    assert (failed.failure, failed.reason) == (failure, reason)
    (event,) = service.audit[told:]
    assert event.type is AuditEventType.LOGIN_FAILED
    named = {}
    if account is not None:
        named["account"] = service.container.pseudonyms().of_account(account)
    assert dict(event.data) == {"error": failure.value, "reason": reason, **named}
    assert event.user_id == user_id
    assert event.visitor == command.visitor.as_recorded()
    assert event.occurred_at == service.clock.now()
    assert everything_but_the_audit(service.store) == before
    return failed


async def assert_signs_in(service: MemoryService, command: CompleteVALoginCommand) -> None:
    completed = await service.complete(command)
    valid = await service.validate(completed.grant.token)
    assert valid.session.session_id == completed.grant.session.id


async def test_a_first_sign_in_writes_user_tokens_session_and_audit(
    service: MemoryService,
) -> None:
    signed_in, visitor = a_provider_sign_in(), a_visitor()
    completed = await service.sign_in(signed_in, visitor=visitor)
    session, stored = completed.grant.session, service.store.committed
    assert completed.front_end == service.container.settings().front_end

    (user,) = stored.users.values()
    identity = signed_in.identity
    assert (user.icn, user.status) == (identity.icn, VeteranStatus.CONFIRMED)
    assert (user.given_name, user.family_name) == (identity.given_name, identity.family_name)
    assert (user.email, user.last_login_at) == (identity.email, service.clock.now())
    assert stored.aliases == {(ISSUER, identity.subject): user.id}
    assert stored.sessions == {session.id: session}
    assert session.user_id == user.id
    assert session.user_agent == visitor.user_agent
    assert [(event.type, event.user_id, event.visitor) for event in service.audit] == [
        (AuditEventType.VA_LINKED, user.id, visitor.as_recorded()),
        (AuditEventType.LOGIN, user.id, visitor.as_recorded()),
    ]
    assert service.audit[1].data["session_id"] == str(session.id)


async def test_vas_tokens_are_stored_sealed_as_the_users_own(service: MemoryService) -> None:
    tokens = some_tokens()
    completed = await service.sign_in(a_provider_sign_in(tokens=tokens))
    user_id = completed.grant.session.user_id
    sealed = service.store.committed.va_tokens[user_id]

    assert await service.stored_tokens(user_id) == tokens
    assert (sealed.token_type, sealed.scope) == (tokens.token_type, tokens.scope)
    assert sealed.expires_at == tokens.expires_at
    assert tokens.access_token.reveal().encode() not in sealed.access_token


async def test_the_token_that_is_handed_over_admits_to_the_session(
    service: MemoryService,
) -> None:
    icn = an_icn()
    completed = await service.sign_in(an_identity(icn))
    valid = await service.validate(completed.grant.token)

    assert valid.session.session_id == completed.grant.session.id
    assert valid.claims.user_id == completed.grant.session.user_id
    assert service.claims_in(completed.grant.token).icn == icn
    assert valid.claims.expires_at == completed.grant.token_expires_at


async def test_a_later_sign_in_finds_the_user_and_opens_a_session_of_its_own(
    service: MemoryService,
) -> None:
    identity = an_identity()
    first = await service.sign_in(identity)
    service.clock.advance(timedelta(days=1))
    second = await service.sign_in(replace(identity, email="new@veterans.example"))
    stored = service.store.committed

    (user,) = stored.users.values()
    assert (user.email, user.last_login_at) == ("new@veterans.example", service.clock.now())
    assert stored.sessions.keys() == {first.grant.session.id, second.grant.session.id}
    assert first.grant.session.token_id != second.grant.session.token_id


async def test_there_is_exactly_one_login_event_for_each_session(service: MemoryService) -> None:
    identities = [an_identity() for _ in range(3)]
    for identity in identities * 2:
        await service.sign_in(identity)

    told = [
        event.data["session_id"] for event in service.audit if event.type is AuditEventType.LOGIN
    ]
    assert sorted(str(session_id) for session_id in service.store.committed.sessions) == sorted(
        str(session_id) for session_id in told
    )
    linked = [event for event in service.audit if event.type is AuditEventType.VA_LINKED]
    assert len(linked) == len(identities)


@pytest.mark.parametrize("return_to", [None, ReturnPath("/claims?tab=open")])
async def test_the_veteran_comes_back_to_where_they_began(
    service: MemoryService, return_to: ReturnPath | None
) -> None:
    begun = await service.begin(return_to=return_to)

    assert (await service.complete(begun.callback())).return_to == return_to


@pytest.mark.parametrize(
    "parameters", [{"error": "access_denied"}, {"error": "server_error"}, {}, {"code": "wrong"}]
)
async def test_a_sign_in_that_fails_says_where_the_veteran_wanted_to_go(
    service: MemoryService, parameters: dict[str, str]
) -> None:
    begun = await service.begin(return_to=ReturnPath("/claims"))
    failed = await failure_of(service, begun.callback(parameters=parameters))

    assert failed.return_to == ReturnPath("/claims")


@pytest.mark.parametrize(
    "parameters", [{"code": ["a", "b"]}, {"code": "right"}], ids=["malformed", "no room"]
)
async def test_the_browsers_note_says_it_before_the_attempt_is_read(
    service: MemoryService, parameters: dict[str, str | list[str]]
) -> None:
    begun = await service.begin(return_to=ReturnPath("/claims"))
    service.provider.is_full = True
    failed = await failure_of(service, begun.callback(parameters=parameters, note=begun.note))

    assert failed.return_to == ReturnPath("/claims")


@pytest.mark.case(21)
@pytest.mark.parametrize("issuer", [None, ISSUER])
async def test_the_callback_may_name_va_or_nobody(
    service: MemoryService, issuer: str | None
) -> None:
    begun = await service.begin()
    named = {"code": begun.code.reveal()} | ({} if issuer is None else {"iss": issuer})

    await assert_signs_in(service, begun.callback(parameters=named))


@pytest.mark.case(8, 9, 10, 14, 16, 17, 18, 19, 21, 23)
@pytest.mark.parametrize(
    ("changes", "failure", "reason"),
    [
        ({"parameters": {"code": ["a", "b"]}}, SignInFailure.LOGIN_EXPIRED, "malformed_callback"),
        ({"secrets": None}, SignInFailure.LOGIN_EXPIRED, "state_or_cookie_missing"),
        ({"secrets": some_login_secrets()}, SignInFailure.LOGIN_EXPIRED, "state_unknown"),
        (
            {"parameters": {"error": "access_denied"}},
            SignInFailure.ACCESS_DENIED,
            "denied_at_provider",
        ),
        (
            {"parameters": {"error": "temporarily_unavailable"}},
            SignInFailure.PROVIDER_UNAVAILABLE,
            "provider_unavailable",
        ),
        (
            {"parameters": {"error": "server_error"}},
            SignInFailure.PROVIDER_UNAVAILABLE,
            "provider_unavailable",
        ),
        (
            {"parameters": {"error": "invalid_scope"}},
            SignInFailure.SERVICE_UNAVAILABLE,
            "invalid_scope",
        ),
        (
            {"parameters": {"error": "consent_required"}},
            SignInFailure.ACCESS_DENIED,
            "consent_required",
        ),
        (
            {"parameters": {"error": "<b>invalid_request"}},
            SignInFailure.TOKEN_EXCHANGE_FAILED,
            "provider_error",
        ),
        (
            {"parameters": {"code": "a", "error": "access_denied"}},
            SignInFailure.TOKEN_EXCHANGE_FAILED,
            "code_and_error",
        ),
        ({"parameters": {}}, SignInFailure.TOKEN_EXCHANGE_FAILED, "code_missing"),
        (
            {"parameters": {"code": "a", "iss": "https://evil.example"}},
            SignInFailure.TOKEN_EXCHANGE_FAILED,
            "callback_iss",
        ),
        ({"is_abandoned": gone}, SignInFailure.LOGIN_EXPIRED, "browser_gone"),
    ],
    ids=[
        "malformed",
        "state_or_cookie_missing",
        "state_unknown",
        "denied",
        "not_now",
        "fault_at_va",
        "operators_mistake",
        "not_consented",
        "odd_error",
        "code_and_error",
        "code_missing",
        "other_issuer",
        "browser_gone",
    ],
)
async def test_a_callback_that_will_not_do_is_refused_and_audited(
    service: MemoryService, changes: Mapping[str, Any], failure: SignInFailure, reason: str
) -> None:
    await service.sign_in()
    begun = await service.begin()

    await assert_refused(service, begun.callback(**changes), failure, reason)


@pytest.mark.case(16)
async def test_a_denial_uses_the_attempt_up(service: MemoryService) -> None:
    begun = await service.begin()
    await failure_of(service, begun.callback(parameters={"error": "access_denied"}))

    assert isinstance(await service.come_back(begun.callback()), VALoginRestarted)
    assert service.provider.exchanges == 0


@pytest.mark.case(12)
async def test_a_callback_is_in_time_until_the_attempt_ends(
    service: MemoryService,
) -> None:
    in_time, late = await service.begin(), await service.begin()
    service.clock.advance(LOGIN_LIFETIME - timedelta(seconds=1))
    await service.complete(in_time.callback())
    service.clock.advance(timedelta(seconds=1))

    assert isinstance(await service.come_back(late.callback()), VALoginRestarted)
    assert service.provider.exchanges == 1


@pytest.mark.case(13)
async def test_another_browser_is_refused_and_does_not_spoil_the_attempt(
    service: MemoryService,
) -> None:
    begun = await service.begin()
    stolen = replace(begun.started.secrets, browser=some_login_secrets().browser)

    await assert_refused(
        service, begun.callback(secrets=stolen), SignInFailure.LOGIN_EXPIRED, "other_browser"
    )
    assert service.provider.exchanges == 0
    await assert_signs_in(service, begun.callback())


@pytest.mark.case(6)
async def test_two_tabs_sign_in_at_the_same_time(service: MemoryService) -> None:
    identity = an_identity()
    one, other = await service.begin(identity), await service.begin(identity)

    await assert_signs_in(service, other.callback())
    await assert_signs_in(service, one.callback())
    assert len(service.store.committed.users) == 1
    assert len(service.store.committed.sessions) == 2


@pytest.mark.case(15)
async def test_of_32_equal_callbacks_one_is_exchanged(service: MemoryService) -> None:
    begun = await service.begin()
    kinds: list[type] = []

    async def come_back() -> None:
        kinds.append(type(await service.come_back(begun.callback())))

    async with anyio.create_task_group() as tasks:
        for _ in range(32):
            tasks.start_soon(come_back)

    assert service.provider.exchanges == 1
    assert Counter(kinds) == {VALoginCompleted: 1, VALoginRestarted: 31}
    assert len(service.store.committed.sessions) == 1


@pytest.mark.case(24)
async def test_a_code_of_another_attempt_signs_nobody_in(service: MemoryService) -> None:
    attackers, victims = await service.begin(), await service.begin()

    await assert_refused(
        service,
        victims.callback(parameters={"code": attackers.code.reveal()}),
        SignInFailure.TOKEN_EXCHANGE_FAILED,
        "invalid_grant",
    )


@pytest.mark.case(47)
async def test_an_exchange_that_va_refuses_signs_nobody_in(
    service: MemoryService,
) -> None:
    begun = await service.begin()
    service.provider.refuse(GrantExpiredError())

    await assert_refused(
        service, begun.callback(), SignInFailure.TOKEN_EXCHANGE_FAILED, "invalid_grant"
    )


@pytest.mark.case(48)
@pytest.mark.parametrize(
    "mistake",
    [
        ClientRejectedByProviderError("invalid_client"),
        RequestRefusedByProviderError("invalid_scope"),
    ],
)
async def test_what_va_refuses_because_of_our_settings_is_our_fault(
    service: MemoryService, mistake: MisconfiguredError
) -> None:
    begun = await service.begin()
    service.provider.refuse(mistake)

    await assert_refused(
        service, begun.callback(), SignInFailure.SERVICE_UNAVAILABLE, mistake.reason
    )
    again = await service.begin()
    assert isinstance(await failure_of(service, again.callback()), SignInMisconfiguredError)


@pytest.mark.case(48)
@pytest.mark.parametrize("reason", ["invalid_client", "unauthorized_client"])
async def test_a_client_that_va_does_not_accept_is_told_apart(
    service: MemoryService, reason: str
) -> None:
    begun = await service.begin()
    service.provider.refuse(ClientRejectedByProviderError(reason))

    assert type(await failure_of(service, begun.callback())) is SignInMisconfiguredError


@pytest.mark.case(49)
async def test_nobody_signs_in_while_va_does_not_answer(service: MemoryService) -> None:
    begun = await service.begin()
    service.provider.go_down()

    await assert_refused(
        service, begun.callback(), SignInFailure.PROVIDER_UNAVAILABLE, "provider_unavailable"
    )


async def test_a_callback_for_which_there_is_no_room_can_come_again(
    service: MemoryService,
) -> None:
    begun = await service.begin()
    attempts = dict(service.store.committed.login_attempts)
    service.provider.is_full = True

    await assert_refused(
        service, begun.callback(), SignInFailure.PROVIDER_UNAVAILABLE, "provider_busy"
    )
    with pytest.raises(SignInPostponedError):
        await service.complete(begun.callback())
    assert service.store.committed.login_attempts == attempts
    assert service.provider.exchanges == 0
    service.provider.is_full = False
    await assert_signs_in(service, begun.callback())


async def test_an_outage_of_va_uses_the_attempt_up(service: MemoryService) -> None:
    begun = await service.begin()
    service.provider.go_down()

    assert not isinstance(await failure_of(service, begun.callback()), SignInPostponedError)


@pytest.mark.case(45)
async def test_nobody_signs_in_without_an_icn(service: MemoryService) -> None:
    # The subject has the form of an ICN, and is none all the same.
    begun = await service.begin(replace(an_identity(subject=an_icn().value), icn=None))

    await assert_refused(service, begun.callback(), SignInFailure.IDENTITY_MISSING, "no_icn")


async def test_nobody_signs_in_by_another_persons_account(service: MemoryService) -> None:
    identity = an_identity(subject=(subject := a_subject()))
    owner = (await service.sign_in(identity)).grant.session.user_id
    begun = await service.begin(an_identity(subject=subject))

    await assert_refused(
        service,
        begun.callback(),
        SignInFailure.IDENTITY_CONFLICT,
        "subject_of_another_user",
        user_id=owner,
        account=identity.account,
    )


@pytest.mark.case(79)
async def test_nobody_signs_in_who_was_disabled(service: MemoryService) -> None:
    identity = an_identity()
    user = await a_stored_user(service.storage.unit_of_work, identity)
    service.store.committed.users[user.id] = replace(user, is_active=False)
    begun = await service.begin(replace(identity, email="new@veterans.example"))

    await assert_refused(
        service,
        begun.callback(),
        SignInFailure.ACCOUNT_DISABLED,
        "account_disabled",
        user_id=user.id,
    )


async def test_a_known_veteran_signs_in_although_va_cannot_be_heard_in_full(
    service: MemoryService,
) -> None:
    identity = an_identity()
    user = await a_stored_user(service.storage.unit_of_work, identity)
    half = replace(identity, icn=None, status=None, email=None, is_complete=False)
    completed = await service.sign_in(half)

    assert completed.grant.session.user_id == user.id
    assert service.claims_in(completed.grant.token).icn == user.icn
    stored = service.store.committed.users[user.id]
    assert (stored.status, stored.email) == (user.status, user.email)


@pytest.mark.parametrize("icn", [None, an_icn()], ids=["without_icn", "with_icn"])
async def test_a_stranger_does_not_sign_in_while_va_cannot_be_heard_in_full(
    service: MemoryService, icn: ICN | None
) -> None:
    half = replace(an_identity(), icn=icn, status=None, is_complete=False)
    begun = await service.begin(half)

    await assert_refused(
        service, begun.callback(), SignInFailure.PROVIDER_UNAVAILABLE, "provider_unavailable"
    )
    assert everything_but_the_audit(service.store) == MemoryTables()


async def test_half_an_answer_that_contradicts_the_stored_icn_signs_nobody_in(
    service: MemoryService,
) -> None:
    identity = an_identity()
    user = await a_stored_user(service.storage.unit_of_work, identity)
    begun = await service.begin(replace(identity, icn=an_icn(), is_complete=False))

    await assert_refused(
        service,
        begun.callback(),
        SignInFailure.IDENTITY_CONFLICT,
        "icn_of_another_user",
        user_id=user.id,
        account=identity.account,
    )


@pytest.mark.case(55)
async def test_a_refresh_token_that_va_leaves_out_does_not_erase_the_stored_one(
    service: MemoryService,
) -> None:
    identity = an_identity()
    completed = await service.sign_in(a_provider_sign_in(identity))
    user_id = completed.grant.session.user_id
    before = service.store.committed.va_tokens[user_id]
    await service.sign_in(a_provider_sign_in(identity, some_tokens(refresh=False)))
    after = service.store.committed.va_tokens[user_id]

    assert after.refresh_token == before.refresh_token
    assert after.access_token != before.access_token


async def test_a_new_sign_in_ends_the_session_that_the_browser_had(
    service: MemoryService,
) -> None:
    old = await service.sign_in()
    begun = await service.begin()
    command = begun.callback(
        held_token=lambda front_end: old.grant.token if front_end.is_of_settings else None
    )
    new = await service.complete(command)

    sessions = service.store.committed.sessions
    assert sessions[old.grant.session.id].revocation == Revocation(
        at=service.clock.now(), by=RevokedBy.USER, reason="replaced_by_login"
    )
    assert sessions[new.grant.session.id].is_active(service.clock.now())
    (event,) = [each for each in service.audit if each.type is AuditEventType.SESSION_REVOKED]
    assert (event.user_id, event.visitor) == (
        old.grant.session.user_id,
        command.visitor.as_recorded(),
    )
    assert event.data == {
        "session_id": str(old.grant.session.id),
        "reason": "replaced_by_login",
    }


@pytest.mark.parametrize("token", ["", "junk"])
async def test_a_planted_token_does_not_keep_anybody_from_signing_in(
    service: MemoryService, token: str
) -> None:
    begun = await service.begin()

    await assert_signs_in(service, begun.callback(held_token=lambda _: Secret(token)))


async def test_without_storage_the_fault_is_said_to_be_ours() -> None:
    service = a_memory_service(MemoryStore())
    begun = await service.begin(return_to=ReturnPath("/claims"))
    broken = a_memory_service(service.store, down_storage())
    failed = await failure_of(broken, begun.callback(note=begun.note))

    assert failed.failure is SignInFailure.SERVICE_UNAVAILABLE
    assert isinstance(failed, SignInUncertainError)
    assert failed.return_to == ReturnPath("/claims")
    assert everything_but_the_audit(service.store) == MemoryTables()


async def test_a_sign_in_that_cannot_be_audited_does_not_take_place() -> None:
    store = MemoryStore()
    storage = replace(memory_storage(store), unit_of_work=down_storage().unit_of_work)
    service = a_memory_service(store, storage)
    begun = await service.begin()
    failed = await failure_of(service, begun.callback())

    assert failed.failure is SignInFailure.SERVICE_UNAVAILABLE
    assert isinstance(failed, SignInUncertainError)
    assert service.audit == []
    assert everything_but_the_audit(store) == MemoryTables()


async def test_a_refusal_that_cannot_be_audited_is_said_to_be_our_fault() -> None:
    store = MemoryStore()
    storage = replace(memory_storage(store), unit_of_work=down_storage().unit_of_work)
    service = a_memory_service(store, storage)
    begun = await service.begin()
    failed = await failure_of(service, begun.callback(parameters={"error": "access_denied"}))

    assert failed.failure is SignInFailure.SERVICE_UNAVAILABLE


async def test_a_callback_without_room_and_without_audit_can_come_again() -> None:
    store = MemoryStore()
    storage = replace(memory_storage(store), unit_of_work=down_storage().unit_of_work)
    service = a_memory_service(store, storage)
    begun = await service.begin()
    service.provider.is_full = True

    failed = await failure_of(service, begun.callback())

    assert isinstance(failed, SignInPostponedError)
    assert failed.failure is SignInFailure.SERVICE_UNAVAILABLE
    assert failed.reason == "storage_unavailable"


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (UnavailableError(), SignInUncertainError, "storage_unavailable"),
        (ConflictError(), SignInFailedError, "conflict"),
    ],
)
async def test_what_fails_in_storage_is_audited_if_storage_answers_again(
    error: ApplicationError, kind: type[SignInFailedError], reason: str
) -> None:
    store = MemoryStore()
    service = a_memory_service(store, failing_once(memory_storage(store), error))
    begun = await service.begin()

    failed = await assert_refused(
        service, begun.callback(), SignInFailure.SERVICE_UNAVAILABLE, reason
    )
    assert type(failed) is kind


async def test_a_front_end_that_is_gone_gets_nobody_and_is_named_in_the_audit(
    service: MemoryService,
) -> None:
    front_end = a_front_end()
    front_ends = service.store.committed.front_ends
    front_ends[front_end.id] = front_end
    begun, other = [await service.begin(front_end=front_end.id) for _ in range(2)]

    async def is_disabled_meanwhile() -> bool:
        front_ends[front_end.id] = front_end.disabled(service.clock.now())
        return False

    for command in (begun.callback(is_abandoned=is_disabled_meanwhile), other.callback()):
        failed = await failure_of(service, command)
        assert isinstance(failed, FrontEndGoneError)
        assert failed.front_end == SETTINGS_FRONT_END
        assert service.audit[-1].data == {
            "error": "service_unavailable",
            "reason": "front_end_gone",
            "front_end": str(front_end.id),
        }
    assert service.store.committed.sessions == {}


async def test_no_audit_row_holds_anything_that_names_or_admits(service: MemoryService) -> None:
    signed_in = a_provider_sign_in()
    begun = await service.begin(signed_in)
    completed = await service.complete(begun.callback())
    await service.come_back(begun.callback())
    trail = repr(service.audit)

    identity, tokens, secrets = signed_in.identity, signed_in.tokens, begun.started.secrets
    assert identity.icn is not None
    assert tokens.refresh_token is not None
    for secret in (
        identity.icn.value,
        identity.subject,
        identity.email or "",
        tokens.access_token.reveal(),
        tokens.refresh_token.reveal(),
        completed.grant.token.reveal(),
        completed.grant.refresh_token.reveal(),
        completed.grant.session.token_id,
        secrets.state.reveal(),
        secrets.browser.reveal(),
        begun.code.reveal(),
    ):
        assert secret
        assert secret not in trail
