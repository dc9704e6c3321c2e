"""How to reach a human: what the settings accept, and the links that it becomes."""

import pytest

from entrypoints.setting_rules import email_or_none, phone_or_none
from entrypoints.web.pages.contacts import Support


@pytest.mark.parametrize(
    ("phone", "link"),
    [
        ("988", "tel:988"),
        ("800-555-0100", "tel:8005550100"),
        ("(800) 555-0100", "tel:8005550100"),
        ("+1 800.555.0100", "tel:+18005550100"),
        ("+1 800 555 0100 ext. 5", "tel:+18005550100;ext=5"),
        ("800-555-0100 x 12", "tel:8005550100;ext=12"),
    ],
)
def test_a_telephone_number_becomes_a_link(phone: str, link: str) -> None:
    assert phone_or_none(phone) == phone
    assert Support(phone=phone).phone_url == link


@pytest.mark.parametrize("phone", ["call us", "12", "---", "8" * 40, "800\n555", "tel:800555"])
def test_what_is_no_telephone_number_is_refused(phone: str) -> None:
    with pytest.raises(ValueError, match="telephone number"):
        phone_or_none(phone)


@pytest.mark.parametrize("email", ["help@example.org", "a.b+c_d-e@mail.example.co"])
def test_an_email_address_becomes_a_link(email: str) -> None:
    assert email_or_none(email) == email
    assert Support(email=email).email_url == f"mailto:{email}"


@pytest.mark.parametrize(
    "email", ["help", "help@", "@example.org", "help@example", "a?subject=x@example.org", "a b@c.d"]
)
def test_what_is_no_email_address_is_refused(email: str) -> None:
    with pytest.raises(ValueError, match="e-mail address"):
        email_or_none(email)


def test_empty_is_unset() -> None:
    assert phone_or_none("") is None
    assert email_or_none("") is None
    assert not Support().is_set
