"""The names things go by, and the codes that others rely on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audit_event import AuditEventType
from domain.errors import InvalidICNError
from domain.identifiers import ICN
from domain.sign_in_failure import SignInFailure
from domain.veteran_status import VeteranStatus


@given(value=st.from_regex(r"\A[0-9]{10}V[0-9]{6}\Z").filter(str.isascii))
def test_ten_digits_a_v_and_six_digits_are_an_icn(value: str) -> None:
    assert ICN(value).value == ICN.parse(value).value == value


@pytest.mark.case(45)
@pytest.mark.parametrize(
    "value",
    [
        "",
        "1012667145V76214",
        "1012667145V7621422",
        "101266714V762142",
        "1012667145v762142",
        "1012667145-762142",
        "1012667145V762142\n",
        " 1012667145V762142",
        "1012667145V762142^NI^200M^USVHA",
        "101266714\N{ARABIC-INDIC DIGIT FIVE}V762142",
        "00u1a2b3c4d5e6f7g8h9",
        "32000225",
        None,
        1012667145,
        b"1012667145V762142",
        ["1012667145V762142"],
        {"icn": "1012667145V762142"},
        True,
    ],
)
def test_anything_else_is_no_icn_and_is_not_repeated(value: object) -> None:
    with pytest.raises(InvalidICNError) as invalid:
        ICN.parse(value)

    assert str(invalid.value) == ""


@given(value=st.text(max_size=30))
def test_no_other_text_is_an_icn(value: str) -> None:
    with pytest.raises(InvalidICNError):
        ICN(value + "x")


def test_the_front_end_is_told_the_codes_it_knows() -> None:
    assert {failure.value for failure in SignInFailure} == {
        "access_denied",
        "login_expired",
        "too_many_logins",
        "token_exchange_failed",
        "identity_missing",
        "identity_conflict",
        "account_disabled",
        "provider_unavailable",
        "service_unavailable",
    }


def test_the_trail_keeps_the_names_it_has_always_used() -> None:
    assert {"login", "login_failed", "logout", "logout_all"} <= {
        event_type.value for event_type in AuditEventType
    }


def test_the_status_is_in_vas_words() -> None:
    assert {status.value for status in VeteranStatus} == {"confirmed", "not confirmed", "unknown"}


def test_an_icn_never_shows_itself() -> None:
    icn = ICN("1012667145V762142")
    assert [repr(icn), str(icn), f"{icn}"] == ["ICN(***)"] * 3
