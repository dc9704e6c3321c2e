"""Sending a browser to VA."""

from urllib.parse import parse_qs, urlsplit

import pytest

from adapters.memory.store import MemoryStore
from application.errors import ProviderBusyError, ProviderUnavailableError, UnavailableError
from domain.audit_event import AuditEventType
from domain.login_attempt import LoginAttempt
from domain.return_path import ReturnPath
from tests.support.builders import LOGIN_LIFETIME, a_front_end
from tests.support.outages import down_storage
from tests.support.service import MemoryService, a_memory_service


async def test_the_browser_is_sent_off_with_what_its_attempt_will_be_known_by(
    service: MemoryService,
) -> None:
    started = await service.start()
    asked = parse_qs(urlsplit(started.authorization_url).query)

    assert asked["state"] == [started.secrets.state.reveal()]
    assert asked["nonce"] == [started.secrets.nonce]
    assert asked["code_challenge"] == [started.secrets.code_challenge]


async def test_the_attempt_is_kept_and_only_as_hashes(service: MemoryService) -> None:
    started = await service.start(ReturnPath("/claims"))
    kept = service.store.committed.login_attempts[started.secrets.state_hash]

    assert kept == started.attempt
    assert kept == LoginAttempt(
        state_hash=started.secrets.state_hash,
        browser_hash=started.secrets.browser_hash,
        return_to=ReturnPath("/claims"),
        created_at=service.clock.now(),
        expires_at=service.clock.now() + LOGIN_LIFETIME,
    )
    for secret in (started.secrets.state, started.secrets.browser, started.secrets.code_verifier):
        assert secret.reveal() not in repr(kept)
        assert secret.reveal().encode() not in {kept.state_hash, kept.browser_hash}


async def test_each_attempt_has_secrets_of_its_own(service: MemoryService) -> None:
    one, other = await service.start(), await service.start()

    assert one.secrets.state != other.secrets.state
    assert one.secrets.browser != other.secrets.browser
    assert one.secrets.nonce != other.secrets.nonce
    assert one.secrets.code_verifier != other.secrets.code_verifier


@pytest.mark.case(5)
async def test_of_an_attempt_when_va_does_not_answer_the_audit_alone_tells(
    service: MemoryService,
) -> None:
    service.provider.go_down()

    with pytest.raises(ProviderUnavailableError):
        await service.start()
    assert service.store.committed.login_attempts == {}
    (event,) = service.audit
    assert event.type is AuditEventType.LOGIN_FAILED
    assert (event.user_id, event.occurred_at) == (None, service.clock.now())
    assert event.visitor.request_id is not None
    assert event.data == {"error": "provider_unavailable", "reason": "not_started"}

    front_end = a_front_end()
    service.store.committed.front_ends[front_end.id] = front_end
    with pytest.raises(ProviderUnavailableError):
        await service.start(front_end=front_end.id)
    assert service.audit[-1].data == {**event.data, "front_end": str(front_end.id)}


async def test_nobody_is_sent_off_while_sign_ins_are_refused_on_the_way_back(
    service: MemoryService,
) -> None:
    service.provider.is_full = True

    with pytest.raises(ProviderBusyError):
        await service.start()
    assert service.store.committed.login_attempts == {}
    (event,) = service.audit
    assert event.data == {"error": "provider_unavailable", "reason": "not_started"}


async def test_nobody_is_sent_off_whose_attempt_cannot_be_kept() -> None:
    with pytest.raises(UnavailableError):
        await a_memory_service(MemoryStore(), down_storage()).start()
