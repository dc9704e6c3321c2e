"""A session on its way from the callback to the front end."""

import hashlib
from dataclasses import replace
from datetime import timedelta

from domain.app_challenge import AppChallenge
from domain.handoff import HANDOFF_LIFETIME, BrowserMark, Handoff, HandoffTicket
from domain.secret import hash_of
from tests.support.builders import NOW, a_session, some_login_secrets


def a_ticket() -> HandoffTicket:
    secrets = some_login_secrets()
    return HandoffTicket(code=secrets.state, browser=secrets.browser)


def a_handoff(ticket: HandoffTicket) -> Handoff:
    session = a_session()
    return Handoff.of(ticket, user_id=session.user_id, session_id=session.id, now=NOW)


def test_a_code_is_worth_something_for_a_minute() -> None:
    assert timedelta(seconds=60) == HANDOFF_LIFETIME
    assert a_handoff(a_ticket()).expires_at == NOW + timedelta(seconds=60)


def test_code_and_browser_are_kept_as_hashes_only() -> None:
    ticket = a_ticket()
    handoff = a_handoff(ticket)

    assert handoff.code_hash == hashlib.sha256(ticket.code.reveal().encode()).digest()
    digest = hashlib.sha256(ticket.browser.reveal().encode()).digest()
    assert handoff.holder == BrowserMark(digest)
    for secret in (ticket.code, ticket.browser):
        assert secret.reveal() not in f"{handoff!r} {ticket!r} {ticket}"


def test_a_code_belongs_to_the_app_that_started_the_sign_in() -> None:
    verifier = some_login_secrets().browser
    ticket = replace(a_ticket(), app_challenge=AppChallenge.of(verifier))

    assert a_handoff(ticket).holder == AppChallenge.of(verifier)
    browsers = a_handoff(HandoffTicket(code=ticket.code, browser=verifier))
    assert browsers.holder != a_handoff(ticket).holder


def test_different_secrets_have_different_hashes() -> None:
    one, other = a_ticket(), a_ticket()

    assert len({hash_of(each) for each in (one.code, one.browser, other.code, other.browser)}) == 4
    assert hash_of(one.code) == hash_of(one.code)
