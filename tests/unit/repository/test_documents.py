"""Links lead somewhere, and what the documents show works."""

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import psycopg_pool
import pytest
from starlette.applications import Starlette

from adapters.postgres.primary_watch import PrimaryWatch
from domain.va_token_use import TokenPurpose
from entrypoints.container import Container
from entrypoints.settings import PREFIX
from tests.support.environment import required_settings

ROOT = Path(__file__).parents[3]
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


@pytest.fixture
def in_memory(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The module that docs/swapping.md shows, with a database URL that leads nowhere."""
    text = (ROOT / "docs/swapping.md").read_text()
    found = re.search(r"<!-- example: in_memory.py -->\n```python\n(.*?)```", text, re.DOTALL)
    assert found is not None
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    for name, value in required_settings("postgresql://127.0.0.1:1/nowhere").items():
        monkeypatch.setenv(name, value)
    namespace: dict[str, Any] = {}
    exec(found[1], namespace)
    return namespace


async def test_the_example_that_swaps_the_storage_serves_without_a_database(
    in_memory: dict[str, Any],
) -> None:
    app: Starlette = in_memory["app"]()
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://localhost:8000"
        ) as browser,
    ):
        ready = await browser.get("/readyz")

    assert ready.json() == {"status": "ready"}


def test_the_example_that_swaps_the_storage_leaves_nothing_of_postgresql(
    in_memory: dict[str, Any],
) -> None:
    container: Container = in_memory["container"]()
    left = {
        name
        for name, provider in container.providers.items()
        for each in parts(provider())
        if is_of_postgresql(each)
    }
    # What only the replaced providers used.
    assert left == {"primary_watch", "connection_pool", "lookup_pool"}


def parts(built: object) -> list[object]:
    """What a provider builds: an object, or a list of what opens and closes."""
    return built if isinstance(built, list) else [built]


def is_of_postgresql(built: object) -> bool:
    if isinstance(built, PrimaryWatch | psycopg_pool.AsyncConnectionPool):
        return True
    # A context manager made of a function is of contextlib's type.
    function = getattr(built, "func", type(built))
    return str(function.__module__).startswith("adapters.postgres")
