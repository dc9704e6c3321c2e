"""What is said of a connection URL that libpq would take apart at the wrong place."""

import re
from urllib.parse import quote

import pytest
from psycopg.conninfo import conninfo_to_dict

from adapters.postgres.connection_url import connection_url_fault

#: No part of it may be quoted, in whatever way the URL is torn.
LEFT, RIGHT = "hunter", "canary"


@pytest.mark.parametrize(
    "middle", ["/", "@", "%", "%zz", "%0", " ", "/@", "@/", "/?", "?/", "@?a=b"]
)
@pytest.mark.parametrize("host", ["db.example", "db.example:5432", "db1,db2", ""])
@pytest.mark.parametrize("end", ["", "/vetassist", "/vetassist?sslmode=require", "?user=x"])
def test_a_password_that_is_not_percent_encoded_is_named_and_not_quoted(
    middle: str, host: str, end: str
) -> None:
    said = connection_url_fault(f"postgresql://vetassist:{LEFT}{middle}{RIGHT}@{host}{end}")
    assert said is not None
    assert "must be percent-encoded" in said
    assert LEFT not in said
    assert RIGHT not in said


@pytest.mark.parametrize("password", ["1/2", "5432/x", "p/a?b=c", "p/a?port=1", "12/34?user=x"])
def test_a_piece_of_a_password_is_never_taken_for_a_port_or_a_parameter(password: str) -> None:
    said = connection_url_fault(f"postgresql://vetassist:{password}@db.example/vetassist")
    assert said is not None
    assert re.search(r"percent-encoded|unusable", said)


@pytest.mark.parametrize(
    "password", ["a/b", "a@b", "a%b", "a#b", "a?b", "a b", "a:b", "a/b@c%d#e?f"]
)
def test_an_encoded_password_is_accepted_and_read_as_it_is(password: str) -> None:
    url = f"postgresql://vetassist:{quote(password, safe='')}@db.example/vetassist"
    assert connection_url_fault(url) is None
    assert conninfo_to_dict(url)["password"] == password


@pytest.mark.parametrize("password", ["a#b", "a?b", "a:b", "a=b&c", "?", "#?:"])
def test_what_libpq_reads_rightly_without_encoding_is_accepted(password: str) -> None:
    url = f"postgresql://vetassist:{password}@db.example/vetassist"
    assert connection_url_fault(url) is None
    read = conninfo_to_dict(url)
    assert (read["password"], read["host"]) == (password, "db.example")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://vetassist:pw@db-1:5432,db-2:5433/vetassist?sslmode=verify-full",
        "postgres://db/vetassist",
        "postgresql:///vetassist?host=/run/postgresql",
        "postgresql://vetassist@%2Frun%2Fpostgresql/vetassist",
        "postgresql://db/vetassist?user=name%40server",
        "postgresql://[2001:db8::1]:5432/vetassist",
        "postgresql://",
        "host=db dbname=vetassist",
        "host=db password='two words'",
    ],
)
def test_whatever_libpq_reads_as_meant_is_accepted(url: str) -> None:
    assert connection_url_fault(url) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not a PostgreSQL connection URL"),
        ("nonsense", "is not a PostgreSQL connection URL"),
        ("mysql://localhost/x?a=b", "is not a PostgreSQL connection URL"),
        ("postgresql+psycopg://u:hunter2@db/x", "is not a PostgreSQL connection URL"),
        ("postgresql://[", "has a host that cannot be read"),
        ("postgresql://u:hunter2@[::1/x", "has a host that cannot be read"),
        ("postgresql://u:hunter2@[::1/x?a=b", "has a host that cannot be read"),
        ("postgresql://db/vetassist?user=name@server", "has a character that must be percent-"),
        ("postgresql://db/x?sslmod=require", "has a parameter that cannot be read"),
        ("postgresql://u:hunter2@db/x?sslmod=require", "has a parameter that cannot be read"),
        ("postgresql://u:hunter2?a@db/x?sslmod=require", "has a parameter that cannot be read"),
        ("postgresql://u:hunter2@db/x?options=-cwork_mem=1", "has a parameter that cannot be r"),
        ("postgresql://u:hunter2@db:x/vetassist", "has an unusable port"),
        ("postgresql://u:hunter2@db:65536/vetassist", "has an unusable port"),
        ("postgresql://u:hunter2@::1/vetassist", "has an unusable port"),
        ("postgresql://db:x/vetassist", "has an unusable port"),
        ("postgresql://db:0/vetassist", "has an unusable port"),
        ("postgresql://db:1,db2:65536/vetassist", "has an unusable port"),
        ("host=db password=hunter2 canary", "cannot be read as keywords and values"),
        ("host=db passwort=hunter2", "cannot be read as keywords and values"),
        ("host=db port=x", "has an unusable port"),
    ],
)
def test_anything_else_is_refused_in_words_of_our_own(text: str, said: str) -> None:
    fault = connection_url_fault(text)
    assert fault is not None
    assert fault.startswith(said)
    assert "hunter2" not in fault
