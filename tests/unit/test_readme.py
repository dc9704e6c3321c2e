"""The README tells what is there, and nothing else."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, Field, fields
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import jwt
import pytest
import typer.main
from starlette.applications import Starlette
from starlette.routing import Route

from application.errors import ApplicationError
from domain.audit_event import AuditEventType
from domain.errors import DomainError
from domain.sign_in_failure import SignInFailure
from domain.va_token_use import TokenPurpose
from entrypoints import cli, starting
from entrypoints.container import Container
from entrypoints.serving.app import create_app
from entrypoints.settings import PREFIX, SECRETS_DIRECTORY, Settings
from tests.support.builders import a_session, an_icn
from tests.support.environment import read, required_settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
DOCUMENTS = sorted(
    [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "CHANGELOG.md",
        *ROOT.glob("docs/**/*.md"),
    ]
)

LINK = re.compile(r"(?:\]\(|src=\")([^)\s\"]+)[)\"]")
FENCE = re.compile(r"```.*?```", re.DOTALL)


def section(heading: str) -> str:
    """What stands under a heading, up to the next of its level or above."""
    level = heading.split(" ", 1)[0]
    _, found, rest = README.partition(f"\n{heading}\n")
    assert found, heading
    return re.split(rf"^#{{1,{len(level)}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def tables(heading: str) -> list[list[list[str]]]:
    """The rows of each table under a heading, without its header."""
    found: list[list[list[str]]] = [[]]
    for line in section(heading).splitlines():
        if line.startswith("|"):
            found[-1].append([cell.strip() for cell in line.strip("|").split(" | ")])
        elif found[-1]:
            found.append([])
    return [table[2:] for table in found if table]


def names(rows: Iterable[list[str]]) -> list[str]:
    """What stands as code in the first column."""
    return [row[0].strip("`") for row in rows]


def default_of(setting: Field[object]) -> str:
    """A setting's default as an operator would write it."""
    value = setting.default
    if value is MISSING:
        return "required"
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, Enum):
        value = value.value
    return f"`{' '.join(value) if isinstance(value, tuple) else value}`"


def routes_of(frontend_url: str) -> set[str]:
    """The routes of an app whose front end lives there."""
    settings = read(required_settings() | {"VETASSIST_FRONTEND_URL": frontend_url})
    app = create_app(Container(settings=settings))
    return {
        f"{method} {route.path_format}"
        for route in app.routes
        if isinstance(route, Route)
        for method in methods_of(route)
    }


def methods_of(route: Route) -> set[str]:
    """The methods of a route, but for the HEAD that Starlette adds to some."""
    methods = (route.methods or set()) - {"HEAD"}
    return {"ANY"} if methods >= {"GET", "POST", "PUT", "PATCH", "DELETE"} else methods


def subclasses(kind: type[Any]) -> Iterator[type[Any]]:
    for each in kind.__subclasses__():
        yield each
        yield from subclasses(each)


def test_the_table_of_settings_names_each_setting_with_its_default() -> None:
    (rows,) = tables("### Settings")
    told = {row[0].strip("`"): row[1] for row in rows}
    assert len(told) == len(rows)

    there = {PREFIX + field.name.upper(): default_of(field) for field in fields(Settings)}
    assert told == there | {SECRETS_DIRECTORY: "none"}


def test_the_table_of_routes_names_each_route_of_the_api() -> None:
    api, _pages = tables("### Routes")
    assert sorted(names(api)) == sorted(routes_of("https://app.example.org"))


def test_the_table_of_pages_names_each_page() -> None:
    _api, pages = tables("### Routes")
    own = routes_of("http://localhost:8000") - routes_of("https://app.example.org")
    assert sorted(names(pages)) == sorted(own)


def test_the_table_of_commands_names_each_command_and_each_target_of_make() -> None:
    (rows,) = tables("### Commands")
    group: Any = typer.main.get_command(cli.app)
    commands = set()
    for name, command in group.commands.items():
        parts = getattr(command, "commands", None)
        commands |= (
            {f"vetassist {name} {part}" for part in parts} if parts else {f"vetassist {name}"}
        )
    phony = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    targets = {f"make {target}" for line in phony for target in line.split()}

    assert sorted(names(rows)) == sorted(commands | targets)


def test_the_table_of_exit_codes_names_each_code() -> None:
    (rows,) = tables("### Exit codes")
    names_of_all = vars(cli) | vars(starting)
    ours = {value for name, value in names_of_all.items() if "EXIT_" in name}
    assert {int(row[0]) for row in rows} == ours | {0, 1}


def test_the_tables_of_error_codes_name_codes_that_there_are() -> None:
    sign_in, problems = tables("### Error codes")
    assert names(sign_in) == [failure.value for failure in SignInFailure]

    web = "".join(path.read_text() for path in (ROOT / "entrypoints/web").glob("*.py"))
    known = {kind.code for kind in (*subclasses(ApplicationError), *subclasses(DomainError))}
    for code in names(problems):
        assert code in known or f'"{code}"' in web, code


def test_the_table_of_claims_names_each_claim_of_a_token() -> None:
    (rows,) = tables("### JWT claims")
    session = a_session()
    tokens = Container(settings=read(required_settings())).session_tokens()
    token = tokens.issue(session, an_icn(), expires_at=session.expires_at).reveal()
    claims = jwt.decode(token, options={"verify_signature": False})
    assert names(rows) == list(claims)


def test_the_table_of_tables_names_each_table_of_the_schema() -> None:
    (rows,) = tables("### Tables")
    files = [*ROOT.glob("adapters/postgres/schema/*.sql"), ROOT / "adapters/postgres/migrations.py"]
    made = re.compile(r"^CREATE TABLE (?:IF NOT EXISTS )?(\w+) (?:\(|AS$)", re.MULTILINE)
    there = {name for file in files for name in made.findall(file.read_text())}
    assert sorted(names(rows)) == sorted(there)


def test_the_types_of_audit_events_are_all_named() -> None:
    told = section("### Tables").partition("Event types of the audit trail:")[2]
    assert re.findall(r"`(\w+)`", told) == [each.value for each in AuditEventType]


def test_the_table_of_purposes_names_each_purpose_in_the_veterans_words() -> None:
    text = (ROOT / "docs" / "backends.md").read_text().partition("| Purpose |")[2]
    text, _, _ = text.partition("\n\n")
    told = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|$", text, re.MULTILINE))
    assert told == {purpose.value: purpose.plain_name for purpose in TokenPurpose}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_to_a_file_leads_to_one(document: Path) -> None:
    for link in LINK.findall(FENCE.sub("", document.read_text())):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / unquote(path) if path else document
        assert target.exists(), f"{document.name}: {link}"
        if anchor:
            assert anchor in anchors(target), f"{document.name}: {link}"


def anchors(document: Path) -> set[str]:
    """The anchors that a renderer makes of a document's headings."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", document.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_record_of_a_decision_is_in_the_index() -> None:
    folder = ROOT / "docs/adr"
    records = [path.name for path in sorted(folder.glob("[0-9]*.md"))]
    index = (folder / "README.md").read_text()
    assert re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", index) == records
    for record in records:
        title = (folder / record).read_text().splitlines()[0].partition(". ")[2]
        assert f"[{record[:4]}]({record}) | {title} |" in index


async def test_the_example_that_swaps_the_storage_serves_without_a_database(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = re.search(r"<!-- example: in_memory.py -->\n```python\n(.*?)```", README, re.DOTALL)
    assert found is not None
    nowhere = required_settings("postgresql://127.0.0.1:1/nowhere")
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    for name, value in nowhere.items():
        monkeypatch.setenv(name, value)
    namespace: dict[str, Any] = {}
    exec(found[1], namespace)

    app: Starlette = namespace["app"]()
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://localhost:8000"
        ) as browser,
    ):
        ready = await browser.get("/readyz")

    assert ready.json() == {"status": "ready"}
