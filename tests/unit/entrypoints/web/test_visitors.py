"""Who is at the other end of a request, and whom to believe about it."""

from ipaddress import ip_network

import pytest
from starlette.requests import Request

from application.ports.visitor_pseudonyms import VisitorPseudonyms
from domain.va_identity import VAAccount
from domain.visitor import Visitor
from entrypoints.request_ids import REQUEST_ID
from entrypoints.web.visitors import VisitorReader

PEER = "203.0.113.9"
PROXIES = ("10.0.0.0/8", "192.0.2.1/32", "2001:db8:1::/48")


class Legible(VisitorPseudonyms):
    """Pseudonyms that a test can read."""

    @property
    def key_id(self) -> str:
        return "key"

    def of_address(self, address: str) -> str:
        return f"<{address}>"

    def of_user_agent(self, user_agent: str) -> str:
        return f"[{user_agent}]"

    def of_account(self, account: VAAccount) -> str:
        return f"({account.subject})"


def visitor(
    *forwarded: str,
    peer: str | None = PEER,
    trusted: tuple[str, ...] = PROXIES,
    user_agent: str | None = None,
) -> Visitor:
    headers = [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]
    if user_agent is not None:
        headers.append((b"user-agent", user_agent.encode("latin-1")))
    client = None if peer is None else (peer, 50_000)
    scope = {"type": "http", "headers": headers, "client": client, REQUEST_ID: "a-1"}
    request = Request(scope)
    networks = [ip_network(network) for network in trusted]
    return VisitorReader(pseudonyms=Legible(), trusted_proxies=networks).read(request)


def test_without_proxies_the_visitor_is_the_peer() -> None:
    assert visitor(trusted=()).address_hash == f"<{PEER}>"


@pytest.mark.case(78)
@pytest.mark.parametrize("trusted", [(), PROXIES])
@pytest.mark.parametrize("claim", ["198.51.100.1", "10.0.0.1", "127.0.0.1", PEER, "", "junk"])
def test_a_peer_that_is_not_trusted_is_not_believed(claim: str, trusted: tuple[str, ...]) -> None:
    assert visitor(claim, trusted=trusted).address_hash == f"<{PEER}>"


@pytest.mark.case(78)
@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        (["198.51.100.1"], "198.51.100.1"),
        (["198.51.100.66, 198.51.100.1"], "198.51.100.1"),
        (["10.9.9.9, 198.51.100.1"], "198.51.100.1"),
        (["198.51.100.66, 198.51.100.1, 10.0.0.3"], "198.51.100.1"),
        (["198.51.100.66, 198.51.100.1,10.0.0.3 , 192.0.2.1"], "198.51.100.1"),
        (["198.51.100.66", "198.51.100.1"], "198.51.100.1"),
        (["198.51.100.1", "10.0.0.3"], "198.51.100.1"),
        (["198.51.100.1:4711"], "198.51.100.1"),
        (["2001:db8:9::7"], "2001:db8:9::7"),
        (["2001:DB8:9:0:0:0:0:7"], "2001:db8:9::7"),
        (["[2001:db8:9::7]"], "2001:db8:9::7"),
        (["[2001:db8:9::7]:4711"], "2001:db8:9::7"),
        (["198.51.100.1, 2001:db8:1::5"], "198.51.100.1"),
        (["198.51.100.1, ::ffff:10.0.0.3"], "198.51.100.1"),
    ],
)
def test_behind_trusted_proxies_the_rightmost_other_hop_is_the_visitor(
    forwarded: list[str], address: str
) -> None:
    assert visitor(*forwarded, peer="10.0.0.2").address_hash == f"<{address}>"


@pytest.mark.parametrize("peer", ["10.0.0.2", "192.0.2.1", "2001:db8:1::2", "::ffff:10.0.0.2"])
def test_a_trusted_peer_is_known_in_every_spelling_of_its_address(peer: str) -> None:
    assert visitor("198.51.100.1", peer=peer).address_hash == "<198.51.100.1>"


@pytest.mark.parametrize("peer", ["11.0.0.1", "192.0.2.2", "2001:db8:2::2", "localhost", "unix:"])
def test_a_peer_beside_the_trusted_networks_is_not_trusted(peer: str) -> None:
    assert visitor("198.51.100.1", peer=peer).address_hash == f"<{peer}>"


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ([], "10.0.0.2"),
        ([""], "10.0.0.2"),
        (["10.0.0.3"], "10.0.0.3"),
        (["10.0.0.4, 10.0.0.3"], "10.0.0.4"),
        (["198.51.100.66, junk"], "10.0.0.2"),
        (["198.51.100.66, junk, 10.0.0.3"], "10.0.0.3"),
        (["198.51.100.66, unknown, 10.0.0.3"], "10.0.0.3"),
        (["198.51.100.66,, 10.0.0.3"], "10.0.0.3"),
        (["198.51.100.66, 10.0.0.3\x00"], "10.0.0.2"),
        (["198.51.100.66, 999.1.1.1"], "10.0.0.2"),
        (["198.51.100.66, 010.0.0.3"], "10.0.0.2"),
    ],
)
def test_a_hop_that_cannot_be_read_ends_the_search_at_the_last_one_that_could(
    forwarded: list[str], address: str
) -> None:
    assert visitor(*forwarded, peer="10.0.0.2").address_hash == f"<{address}>"


def test_a_long_chain_of_claims_is_read_from_its_end() -> None:
    chain = ", ".join(["198.51.100.66"] * 5_000 + ["198.51.100.1", "10.0.0.3"])
    assert visitor(chain, peer="10.0.0.2").address_hash == "<198.51.100.1>"


def test_a_connection_without_an_address_has_no_pseudonym() -> None:
    assert visitor("198.51.100.1", peer=None).address_hash is None


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (None, None),
        ("", None),
        ("  ", None),
        ("\x00\x1b", None),
        ("Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/5.0 (X11; Linux x86_64)"),
        (" curl/8.5 ", "curl/8.5"),
        ("a\x1b[31mred\r\nb\x00", "a[31mredb"),
        ("x" * 256, "x" * 256),
        ("x" * 100_000, "x" * 256),
    ],
)
def test_the_user_agent_is_kept_printable_and_short(sent: str | None, kept: str | None) -> None:
    found = visitor(user_agent=sent)
    assert found.user_agent == kept
    assert found.user_agent_hash == (None if kept is None else f"[{kept}]")


def test_a_visitor_says_which_key_made_its_hashes_and_which_request_it_is() -> None:
    assert (visitor().key_id, visitor().request_id) == ("key", "a-1")


def test_outside_a_request_with_an_id_there_is_none() -> None:
    request = Request({"type": "http", "headers": [], "client": None})
    assert VisitorReader(pseudonyms=Legible(), trusted_proxies=[]).read(request).request_id is None
