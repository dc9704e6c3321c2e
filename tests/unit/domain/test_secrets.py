"""What must not be seen is not to be seen, in whatever it is wrapped."""

import logging
import traceback
from dataclasses import replace
from types import SimpleNamespace

import pytest

from application.login_starts import VALoginStarted
from application.ports.identity_provider import CallbackParameters, ProviderSignIn
from application.use_cases.sessions.renew_session import RenewSessionCommand
from application.use_cases.sign_in.complete_va_login import CompleteVALoginCommand, VALoginCompleted
from application.use_cases.sign_in.link_va_identity import LinkVAIdentityCommand
from domain.handoff import HandoffTicket
from domain.identifiers import ICN
from domain.login_attempt import LoginAttempt, LoginSecrets
from domain.secret import Secret, SecretBytes
from domain.session_claims import SessionClaims
from domain.session_grant import SessionGrant
from domain.user import LinkedUser, User
from domain.va_identity import VAIdentity
from domain.va_tokens import SealedVATokens
from domain.veteran_status import VeteranStatus
from tests.support.builders import (
    LOGIN_LIFETIME,
    NOW,
    a_data_key,
    a_refresh_token,
    a_session,
    a_session_id,
    a_user_id,
    a_va_revocation,
    a_visitor,
    a_wrapped_key,
    some_login_secrets,
    some_tokens,
    the_settings_front_end,
)

CANARY = "canary-that-must-not-sing"
ICN_CANARY = "1234567890V654321"
SECRET = Secret(CANARY)
IDENTITY = VAIdentity(
    issuer="https://issuer.example",
    subject=CANARY,
    icn=ICN(ICN_CANARY),
    status=None,
    given_name=CANARY,
    family_name=CANARY,
    email=CANARY,
    is_complete=True,
)
USER = User(
    id=a_user_id(),
    icn=ICN(ICN_CANARY),
    status=VeteranStatus.UNKNOWN,
    given_name=CANARY,
    family_name=CANARY,
    email=CANARY,
    is_active=True,
    last_login_at=None,
)
TOKENS = replace(some_tokens(), access_token=SECRET, refresh_token=SECRET)
LOGIN = LoginSecrets(state=SECRET, browser=SECRET)
SESSION = a_session()
GRANT = SessionGrant(session=SESSION, token=SECRET, token_expires_at=NOW, refresh_token=SECRET)
TICKET = HandoffTicket(code=SECRET, browser=SECRET)


async def stays() -> bool:
    return False


HOLDERS: list[object] = [
    SECRET,
    [SECRET],
    {"secret": SECRET},
    ICN(ICN_CANARY),
    IDENTITY,
    USER,
    LinkedUser(
        user=USER,
        alias_owner=USER.id,
        is_new=False,
        data_key=replace(a_wrapped_key(USER.id), box=CANARY.encode()),
    ),
    replace(a_data_key(), key=CANARY.encode()),
    replace(a_wrapped_key(), box=CANARY.encode()),
    replace(a_va_revocation(), token=CANARY.encode()),
    TOKENS,
    SealedVATokens(
        user_id=USER.id,
        access_token=CANARY.encode(),
        refresh_token=CANARY.encode(),
        id_token=CANARY.encode(),
        token_type="Bearer",
        scope="openid",
        expires_at=NOW,
    ),
    LOGIN,
    LoginAttempt.begin(LOGIN, return_to=None, now=NOW, lifetime=LOGIN_LIFETIME),
    TICKET,
    GRANT,
    replace(a_refresh_token(SESSION), secret=SECRET),
    SESSION.hand_out(replace(a_refresh_token(SESSION), secret=SECRET), token_id=SESSION.token_id),
    SessionClaims(
        user_id=USER.id,
        session_id=a_session_id(),
        valid_from=NOW,
        expires_at=NOW,
    ),
    ProviderSignIn(identity=IDENTITY, tokens=TOKENS),
    VALoginStarted(
        authorization_url="https://va.example",
        secrets=LOGIN,
        attempt=LoginAttempt.begin(LOGIN, return_to=None, now=NOW, lifetime=LOGIN_LIFETIME),
    ),
    CompleteVALoginCommand(
        secrets=LOGIN,
        callback=CallbackParameters(SECRET),
        visitor=a_visitor(),
        is_abandoned=stays,
        held_token=lambda _: SECRET,
    ),
    VALoginCompleted(
        grant=GRANT, return_to=None, front_end=the_settings_front_end(), ticket=TICKET
    ),
    LinkVAIdentityCommand(identity=IDENTITY, tokens=TOKENS, visitor=a_visitor()),
    RenewSessionCommand(refresh_token=SECRET, visitor=a_visitor()),
]


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: type(holder).__name__)
def test_nothing_that_holds_a_secret_shows_it(
    holder: object, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("tests").warning("%s %r", holder, holder)
    shown = f"{holder} {holder!r} {holder!s:>40} {SimpleNamespace(held=holder)} {caplog.text}"

    assert CANARY not in shown
    assert ICN_CANARY not in shown


def test_a_traceback_does_not_show_a_secret_that_an_error_carries() -> None:
    error = ValueError("refused", SECRET, ICN(ICN_CANARY), IDENTITY)
    shown = "".join(traceback.format_exception(error))

    assert "refused" in shown
    assert CANARY not in shown
    assert ICN_CANARY not in shown


def test_a_secret_is_itself_and_equals_no_text() -> None:
    assert SECRET.reveal() == CANARY
    assert Secret(CANARY) == SECRET
    assert {Secret(CANARY), SECRET} == {SECRET}
    # Equal hashes would make a set of many secrets very slow.
    assert hash(Secret("another")) != hash(SECRET)
    assert some_login_secrets().state != SECRET
    assert SECRET != CANARY
    assert [repr(SECRET), str(SecretBytes(b"key"))] == ["Secret(***)", "SecretBytes(***)"]


def test_a_secret_takes_no_further_attributes() -> None:
    with pytest.raises(AttributeError):
        SECRET.text = CANARY  # type: ignore[attr-defined]
