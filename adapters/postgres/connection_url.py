"""Connection URLs, as libpq reads them."""

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo


def is_connection_url(text: str) -> bool:
    """Whether libpq can connect with ``text``: a URL, or keywords and values.

    An empty text doesn't count. libpq would replace it with its defaults on this machine.
    """
    try:
        return bool(conninfo_to_dict(text))
    except ProgrammingError:
        return False


def with_role(database_url: str, role: str) -> str:
    """The same database, as another role."""
    return make_conninfo(database_url, user=role)
