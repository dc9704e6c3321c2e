"""What every AddressPseudonyms promises, run against each adapter."""

import ipaddress
import re
import secrets
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.encryption.address_pseudonyms import HMACAddressPseudonyms
from adapters.memory.address_pseudonyms import MemoryAddressPseudonyms
from application.ports.address_pseudonyms import AddressPseudonyms

#: Makes pseudonyms of a key of their own.
MakePseudonyms = Callable[[], AddressPseudonyms]


def hmac_pseudonyms() -> AddressPseudonyms:
    return HMACAddressPseudonyms(secrets.token_bytes(32))


pytestmark = pytest.mark.parametrize("make", [hmac_pseudonyms, MemoryAddressPseudonyms])


@given(address=st.one_of(st.ip_addresses().map(str), st.text(st.characters(codec="utf-8"))))
def test_a_pseudonym_is_64_hex_digits_and_stays_the_same(
    make: MakePseudonyms, address: str
) -> None:
    pseudonyms = make()
    pseudonym = pseudonyms.pseudonym(address)

    assert re.fullmatch(r"[0-9a-f]{64}", pseudonym)
    assert pseudonyms.pseudonym(address) == pseudonym


@given(one=st.ip_addresses(v=4), other=st.ip_addresses(v=4))
def test_each_ipv4_address_has_its_own(
    make: MakePseudonyms, one: ipaddress.IPv4Address, other: ipaddress.IPv4Address
) -> None:
    pseudonyms = make()
    is_same = pseudonyms.pseudonym(str(one)) == pseudonyms.pseudonym(str(other))

    assert is_same == (one == other)


def test_a_whole_ipv6_64_has_one(make: MakePseudonyms) -> None:
    pseudonyms = make()
    inside = {
        pseudonyms.pseudonym(address)
        for address in (
            "2001:db8:1:2::1",
            "2001:db8:1:2:ffff:ffff:ffff:ffff",
            "2001:0DB8:0001:0002:0000:0000:0000:0003",
        )
    }

    assert len(inside) == 1
    assert pseudonyms.pseudonym("2001:db8:1:3::1") not in inside


def test_an_ipv4_address_in_ipv6_clothes_is_the_same_visitor(make: MakePseudonyms) -> None:
    pseudonyms = make()
    plain = pseudonyms.pseudonym("192.0.2.7")

    assert pseudonyms.pseudonym("::ffff:192.0.2.7") == plain
    assert pseudonyms.pseudonym("::ffff:192.0.2.8") != plain


def test_what_is_no_address_has_one_of_its_own(make: MakePseudonyms) -> None:
    pseudonyms = make()
    names = ["", "testclient", "unix:", "192.0.2.7 ", "192.0.2.7", "2001:db8::/64"]

    assert len({pseudonyms.pseudonym(name) for name in names}) == len(names)


def test_without_the_key_nothing_links_a_pseudonym_to_its_address(make: MakePseudonyms) -> None:
    assert make().pseudonym("192.0.2.7") != make().pseudonym("192.0.2.7")
