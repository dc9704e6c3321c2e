"""What events mean to the person whom they concern."""

from collections.abc import Mapping

import pytest

from domain.audit_event import AuditEventType
from domain.va_token_use import TokenPurpose
from entrypoints.web.history_words import PLAIN_WORDS, in_plain_words


def said(
    type_: AuditEventType,
    data: Mapping[str, str | int] | None = None,
    *,
    client_name: str | None = None,
) -> str:
    return in_plain_words(type_, data or {}, client_name=client_name)


def test_there_are_words_for_every_type_of_event_and_for_no_other() -> None:
    assert set(PLAIN_WORDS) == set(AuditEventType)


@pytest.mark.parametrize("type_", AuditEventType)
def test_the_words_are_one_whole_sentence_without_a_code(type_: AuditEventType) -> None:
    sentence = said(type_)
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert not set("{}_") & set(sentence)
    assert type_.value not in sentence.split()


@pytest.mark.parametrize("purpose", TokenPurpose)
def test_a_use_says_who_and_what_for(purpose: TokenPurpose) -> None:
    data = {"purpose": purpose.value}
    sentence = said(AuditEventType.VA_TOKEN_USED, data, client_name="Benefits assistant")
    assert sentence == (
        f"Benefits assistant was given access to VA in order to {purpose.plain_name}."
    )


def test_a_use_by_somebody_unknown_for_something_unknown_is_told_all_the_same() -> None:
    sentence = said(AuditEventType.VA_TOKEN_USED, {"purpose": "gone"})
    assert sentence == "A service of VetAssist was given access to VA."


def test_a_name_is_text_whatever_it_looks_like() -> None:
    sentence = said(AuditEventType.VA_TOKEN_USED, client_name="{client} {0}")
    assert sentence.startswith("{client} {0} was given")


def test_who_signed_in_again_is_not_told_of_a_sign_out() -> None:
    revoked = AuditEventType.SESSION_REVOKED
    assert said(revoked, {"reason": "replaced_by_login"}) != said(revoked, {"reason": "logout"})


def test_only_what_va_has_ended_is_told_as_ended() -> None:
    told = AuditEventType.VA_TOKENS_REVOKED
    others = {said(told, {"outcome": outcome}) for outcome in ("refused", "given_up", "unreadable")}
    assert len(others) == 1
    assert said(told, {"outcome": "revoked"}) not in others
