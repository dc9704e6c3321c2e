"""What events say of a sign-in."""

from dataclasses import replace

import pytest

from domain.audit_event import AuditEvent, AuditEventType
from domain.front_end import SETTINGS_FRONT_END, FrontEndId
from domain.sign_in_failure import SignInFailure
from tests.support.builders import NOW, a_front_end, a_session, a_user_id, a_visitor

VISITOR, USER, OTHER = a_visitor(), a_user_id(), a_front_end().id


@pytest.mark.parametrize(
    ("front_end", "told"), [(SETTINGS_FRONT_END, {}), (OTHER, {"front_end": str(OTHER)})]
)
def test_an_event_names_the_front_end_unless_it_is_that_of_the_settings(
    front_end: FrontEndId, told: dict[str, str]
) -> None:
    started = AuditEvent.login_started(visitor=VISITOR, now=NOW, front_end=front_end)
    restarted = AuditEvent.login_restarted(
        reason="state_expired", visitor=VISITOR, now=NOW, front_end=front_end
    )
    failed = AuditEvent.login_failed(
        SignInFailure.ACCESS_DENIED,
        reason="denied",
        visitor=VISITOR,
        now=NOW,
        user_id=USER,
        front_end=front_end,
        account="a",
    )
    assert [(event.type, event.user_id, event.data) for event in (started, restarted, failed)] == [
        (AuditEventType.LOGIN_STARTED, None, told),
        (AuditEventType.LOGIN_RESTARTED, None, {"reason": "state_expired", **told}),
        (
            AuditEventType.LOGIN_FAILED,
            USER,
            {"error": "access_denied", "reason": "denied", "account": "a", **told},
        ),
    ]
    assert {(each.occurred_at, each.visitor) for each in (started, restarted, failed)} == {
        (NOW, VISITOR)
    }


def test_an_event_is_of_the_settings_front_end_if_none_is_named() -> None:
    for event in (
        AuditEvent.login_started(visitor=VISITOR, now=NOW),
        AuditEvent.login_restarted(reason="r", visitor=VISITOR, now=NOW),
        AuditEvent.login_failed(SignInFailure.ACCESS_DENIED, reason="r", visitor=VISITOR, now=NOW),
    ):
        assert "front_end" not in event.data


def test_a_login_names_its_session() -> None:
    session = replace(a_session(), front_end=OTHER)
    event = AuditEvent.login(session, visitor=VISITOR, now=NOW)
    assert (event.type, event.user_id) == (AuditEventType.LOGIN, session.user_id)
    assert event.data == {
        "method": "va_oauth",
        "session_id": str(session.id),
        "front_end": str(OTHER),
    }
