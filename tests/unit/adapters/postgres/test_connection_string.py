"""What every connection to PostgreSQL asks for, beside what the operator's URL says."""

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from adapters.postgres.connection_string import connection_string

NAMES = ("synchronous_commit", "statement_timeout", "lock_timeout", "TimeZone")


def test_a_plain_url_is_given_bounds() -> None:
    asked = conninfo_to_dict(connection_string("postgresql://user:pw@db-1,db-2/vetassist"))
    assert (asked["host"], asked["user"], asked["password"]) == ("db-1,db-2", "user", "pw")
    assert asked["client_encoding"] == "UTF8"
    assert 0 < int(asked["connect_timeout"] or 0) <= 10


def test_what_the_url_says_itself_wins() -> None:
    given = "postgresql://db/vetassist?application_name=mine&connect_timeout=1"
    asked = conninfo_to_dict(connection_string(given))
    assert (asked["application_name"], asked["connect_timeout"]) == ("mine", "1")


def settings_of(url: str) -> dict[str, str]:
    with psycopg.connect(connection_string(url)) as connection:
        rows = connection.execute(
            "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", (list(NAMES),)
        ).fetchall()
    return dict(rows)


@pytest.mark.postgres
def test_an_option_of_the_url_replaces_ours_of_that_name_and_no_other(database_url: str) -> None:
    ours = settings_of(database_url)
    assert (ours["synchronous_commit"], ours["TimeZone"]) == ("on", "UTC")
    assert int(ours["statement_timeout"]) > 0

    changed = settings_of(make_conninfo(database_url, options="-c lock_timeout=1234"))

    assert changed == ours | {"lock_timeout": "1234"}
