"""docs/deployment.md, followed to the letter by an owner that is no superuser."""

import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from entrypoints.embedded_postgres import embedded_postgres
from tests.support.databases import rows_of
from tests.support.environment import plain_environment
from tests.support.processes import HOST, REPOSITORY, free_port, run, running

pytestmark = pytest.mark.postgres

DOCUMENT: Final = (REPOSITORY / "docs" / "deployment.md").read_text()
COMMAND: Final = f"{shlex.quote(sys.executable)} -m entrypoints.cli"
#: What an operator types where the document says so.
TYPED: Final = {
    "VETASSIST_VA_CLIENT_SECRET": "0fPbLrWqVKjDGxwCnTYo",
    "VETASSIST_DATABASE_URL": (
        "postgresql://vetassist_service:SERVICE-PASSWORD@db1.example.org/vetassist"
    ),
}


def blocks(heading: str, language: str) -> list[str]:
    """The code under a heading, up to the next of its level."""
    _, found, rest = DOCUMENT.partition(f"\n{heading}\n")
    assert found, heading
    level = heading.split(" ", 1)[0]
    section = re.split(rf"^#{{1,{len(level)}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A PostgreSQL whose roles are nobody else's; as its superuser."""
    with (
        tempfile.TemporaryDirectory(prefix="vetassist-") as folder,
        embedded_postgres(Path(folder), configuration="fsync = off\n") as url,
    ):
        yield url


def typed(line: str) -> str:
    """A line as it is after the operator has typed what it waits for."""
    waiting = re.match(r"cat > secrets/(\w+)", line)
    if waiting is None:
        return line
    return f"printf %s {shlex.quote(TYPED[waiting[1]])} > secrets/{waiting[1]}"


def script(folder: Path, server: str, port: int) -> Path:
    """The commands from the secrets to the start, for this machine and this server."""
    (secrets,) = blocks("## Secrets", "sh")
    (migrate,) = blocks("### Two roles", "sh")
    (start,) = blocks("## Start", "sh")
    text = "\n".join(typed(line) for line in (migrate + secrets + start).splitlines())
    text = text.replace("venv/bin/vetassist serve", "exec venv/bin/vetassist serve")
    text = text.replace("venv/bin/vetassist", COMMAND).replace("--port 8000", f"--port {port}")
    host = conninfo_to_dict(server)["host"]
    text = text.replace("@db1.example.org/vetassist", f"@/vetassist?host={host}")
    # Where the project's own modules are found from another folder.
    path = folder / "deploy.sh"
    path.write_text(f"set -e\nexport PYTHONPATH={shlex.quote(str(REPOSITORY))}\n{text}\n")
    return path


def test_the_documented_commands_lead_to_a_service_that_is_ready(
    server: str, tmp_path: Path
) -> None:
    (statements,) = blocks("## Database", "sql")
    with psycopg.connect(server, autocommit=True) as superuser:
        for statement in statements.split(";"):
            superuser.execute(statement.encode())
    port = free_port()

    with running(
        environment=plain_environment(),
        log=tmp_path / "log",
        ready="/readyz",
        port=port,
        command=("sh", str(script(tmp_path, server, port))),
        cwd=tmp_path,
    ) as service:
        serving = rows_of(
            server, "SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = 'vetassist'"
        )
        roles = rows_of(
            server,
            "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb FROM pg_roles "
            "WHERE rolname IN ('vetassist', 'vetassist_service') ORDER BY rolname",
        )
        assert service.url == f"http://{HOST}:{port}"

    assert [row["usename"] for row in serving] == ["vetassist_service"]
    assert [row["rolname"] for row in roles] == ["vetassist", "vetassist_service"]
    assert not any(row["rolsuper"] or row["rolcreaterole"] or row["rolcreatedb"] for row in roles)


def test_an_owner_without_createrole_is_told_in_one_line_that_it_cannot_make_the_role(
    server: str,
) -> None:
    with psycopg.connect(server, autocommit=True) as superuser:
        superuser.execute("CREATE ROLE vetassist_plain LOGIN")
        superuser.execute("CREATE DATABASE vetassist_plain OWNER vetassist_plain")
    host = conninfo_to_dict(server)["host"]
    url = f"postgresql://vetassist_plain@/vetassist_plain?host={host}"

    ended = run(
        *("migrate", "--application-role", "vetassist_nobody_made"),
        environment=plain_environment() | {"VETASSIST_DATABASE_URL": url},
    )

    assert ended.returncode == 3
    (line,) = ended.stderr.splitlines()
    assert line.startswith("vetassist: ")
    assert "role" in line
