import pytest
from psycopg.conninfo import conninfo_to_dict

from adapters.postgres.servers import each_server, timeline_of


@pytest.mark.parametrize(
    ("given", "servers"),
    [
        ("postgresql://db-1/vetassist", [("db-1", None)]),
        ("postgresql://db-1,db-2:6432/vetassist", [("db-1", ""), ("db-2", "6432")]),
        ("host=db-1,db-2 port=6432", [("db-1", "6432"), ("db-2", "6432")]),
        ("dbname=vetassist", [(None, None)]),
        # libpq refuses it, and says why.
        ("host=db-1,db-2,db-3 port=1,2", [("db-1,db-2,db-3", "1,2")]),
    ],
)
def test_each_server_of_a_url_has_a_connection_string(
    given: str, servers: list[tuple[str | None, str | None]]
) -> None:
    found = [conninfo_to_dict(each) for each in each_server(given)]
    assert [(each.get("host"), each.get("port")) for each in found] == servers


@pytest.mark.parametrize(
    ("given", "sent"),
    [("primary", "any"), ("read-write", "any"), ("standby", "any"), ("canary", "canary")],
)
def test_the_role_is_not_left_to_libpq_unless_it_refuses_the_word(given: str, sent: str) -> None:
    for each in each_server(f"postgresql://db-1,db-2/vetassist?target_session_attrs={given}"):
        assert conninfo_to_dict(each)["target_session_attrs"] == sent


def test_a_timeline_is_told_in_hex_digits() -> None:
    assert timeline_of("0000001A") == 26
    assert timeline_of(None) is None
