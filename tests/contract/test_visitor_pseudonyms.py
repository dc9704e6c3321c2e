"""What every VisitorPseudonyms promises, run against each adapter."""

import ipaddress
import re
import secrets
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.encryption.audit_keys import AuditKey
from adapters.encryption.visitor_pseudonyms import HMACVisitorPseudonyms
from adapters.memory.visitor_pseudonyms import MemoryVisitorPseudonyms
from application.ports.visitor_pseudonyms import VisitorPseudonyms
from domain.va_identity import VAAccount

#: Makes pseudonyms of a key of their own.
MakePseudonyms = Callable[[], VisitorPseudonyms]


def hmac_pseudonyms() -> VisitorPseudonyms:
    return HMACVisitorPseudonyms(AuditKey(secrets.token_bytes(32)))


pytestmark = pytest.mark.parametrize("make", [hmac_pseudonyms, MemoryVisitorPseudonyms])


@given(address=st.one_of(st.ip_addresses().map(str), st.text(st.characters(codec="utf-8"))))
def test_a_pseudonym_is_64_hex_digits_and_stays_the_same(
    make: MakePseudonyms, address: str
) -> None:
    pseudonyms = make()
    pseudonym = pseudonyms.of_address(address)

    assert re.fullmatch(r"[0-9a-f]{64}", pseudonym)
    assert pseudonyms.of_address(address) == pseudonym


@given(one=st.ip_addresses(v=4), other=st.ip_addresses(v=4))
def test_each_ipv4_address_has_its_own(
    make: MakePseudonyms, one: ipaddress.IPv4Address, other: ipaddress.IPv4Address
) -> None:
    pseudonyms = make()
    is_same = pseudonyms.of_address(str(one)) == pseudonyms.of_address(str(other))

    assert is_same == (one == other)


def test_a_whole_ipv6_64_has_one(make: MakePseudonyms) -> None:
    pseudonyms = make()
    inside = {
        pseudonyms.of_address(address)
        for address in (
            "2001:db8:1:2::1",
            "2001:db8:1:2:ffff:ffff:ffff:ffff",
            "2001:0DB8:0001:0002:0000:0000:0000:0003",
        )
    }

    assert len(inside) == 1
    assert pseudonyms.of_address("2001:db8:1:3::1") not in inside


def test_an_ipv4_address_in_ipv6_clothes_is_the_same_visitor(make: MakePseudonyms) -> None:
    pseudonyms = make()
    plain = pseudonyms.of_address("192.0.2.7")

    assert pseudonyms.of_address("::ffff:192.0.2.7") == plain
    assert pseudonyms.of_address("::ffff:192.0.2.8") != plain


def test_what_is_no_address_has_one_of_its_own(make: MakePseudonyms) -> None:
    pseudonyms = make()
    names = ["", "testclient", "unix:", "192.0.2.7 ", "192.0.2.7", "2001:db8::/64"]

    assert len({pseudonyms.of_address(name) for name in names}) == len(names)


@given(one=st.text(st.characters(codec="utf-8")), other=st.text(st.characters(codec="utf-8")))
def test_each_user_agent_has_its_own(make: MakePseudonyms, one: str, other: str) -> None:
    pseudonyms = make()
    pseudonym = pseudonyms.of_user_agent(one)

    assert re.fullmatch(r"[0-9a-f]{64}", pseudonym)
    assert pseudonyms.of_user_agent(one) == pseudonym
    assert (pseudonyms.of_user_agent(other) == pseudonym) == (one == other)


def test_a_user_agent_that_is_spelt_like_an_address_is_another(make: MakePseudonyms) -> None:
    pseudonyms = make()
    assert pseudonyms.of_user_agent("192.0.2.7") != pseudonyms.of_address("192.0.2.7")


def test_the_key_has_an_id_that_stays_the_same_and_is_no_others(make: MakePseudonyms) -> None:
    pseudonyms = make()
    assert re.fullmatch(r"[0-9a-f]{16}", pseudonyms.key_id)
    assert pseudonyms.key_id == pseudonyms.key_id != make().key_id


def test_without_the_key_nothing_links_a_pseudonym_to_its_address(make: MakePseudonyms) -> None:
    assert make().of_address("192.0.2.7") != make().of_address("192.0.2.7")


def test_each_account_has_its_own_and_it_stays_the_same(make: MakePseudonyms) -> None:
    pseudonyms = make()
    accounts = [
        VAAccount(issuer=issuer, subject=subject)
        for issuer in ("https://a.example", "https://a.example/b")
        for subject in ("00u1", "b00u1")
    ]
    made = [pseudonyms.of_account(account) for account in accounts]

    assert len(set(made)) == len(accounts)
    assert all(re.fullmatch(r"[0-9a-f]{64}", each) for each in made)
    assert [pseudonyms.of_account(account) for account in accounts] == made
    assert make().of_account(accounts[0]) != made[0]


def test_an_account_is_never_mistaken_for_a_visitor(make: MakePseudonyms) -> None:
    pseudonyms = make()
    account = pseudonyms.of_account(VAAccount(issuer="", subject="x"))
    assert account not in {pseudonyms.of_user_agent("\0x"), pseudonyms.of_address("\0x")}
