"""The description of the API, held against the API."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from starlette.applications import Starlette
from starlette.routing import Route

from tests.support.product import running_product

METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})


async def description(**settings: Any) -> dict[str, Any]:
    async with running_product(**settings) as product:
        answer = await product.browser().get("/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    document: dict[str, Any] = answer.json()
    return document


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Every operation by its method and path."""
    return {
        (method.upper(), path): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def routes(app: Starlette) -> Iterator[tuple[str, str]]:
    for route in app.routes:
        assert isinstance(route, Route)
        for method in route.methods or ():
            yield method, route.path_format


def inside(value: Any) -> Iterator[dict[str, Any]]:
    """Every object of a JSON value."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from inside(part)


async def test_every_route_is_described_and_nothing_else() -> None:
    async with running_product() as product:
        existing = set(routes(product.app))

    assert set(operations(await description())) == existing


@pytest.mark.parametrize("delivery", ["query", "cookie"])
async def test_it_is_openapi_3_1(delivery: str) -> None:
    document = await description(session_delivery=delivery)

    assert document["openapi"] == "3.1.0"
    schemathesis.openapi.from_dict(document).validate()


async def test_every_schema_in_it_is_a_json_schema() -> None:
    document = await description()
    schemas = list(document["components"]["schemas"].values())
    schemas += [part["schema"] for part in inside(document) if isinstance(part.get("schema"), dict)]

    assert len(schemas) > 50
    for schema in schemas:
        jsonschema_rs.meta.validate(schema)


async def test_every_reference_in_it_leads_somewhere() -> None:
    document = await description()
    references = {part["$ref"] for part in inside(document) if "$ref" in part}

    assert references
    for reference in references:
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


async def test_every_operation_has_a_name_of_its_own() -> None:
    names = [operation["operationId"] for operation in operations(await description()).values()]

    assert len(names) == len(set(names))


async def test_the_session_cookie_is_a_credential_only_where_it_is_delivered() -> None:
    by_query = await description()
    by_cookie = await description(session_delivery="cookie")

    assert "sessionCookie" not in by_query["components"]["securitySchemes"]
    assert by_cookie["components"]["securitySchemes"]["sessionCookie"]["name"] == (
        "vetassist_session"
    )
    shown = ("GET", "/api/v1/session")
    assert operations(by_query)[shown]["security"] == [{"bearer": []}]
    assert operations(by_cookie)[shown]["security"] == [{"bearer": []}, {"sessionCookie": []}]


async def test_the_challenge_of_an_app_is_described_only_where_it_is_read() -> None:
    start = ("GET", "/api/v1/va/login")
    for is_read in (True, False):
        document = await description(session_delivery="code", app_sign_in=is_read)
        parameters = {each["name"] for each in operations(document)[start]["parameters"]}
        assert ("code_challenge" in parameters) is is_read
        assert ("code_challenge_method" in parameters) is is_read


async def test_it_calls_cookies_what_they_are_called_on_https() -> None:
    document = await description(
        public_url="https://session.vetassist.example",
        frontend_url="https://vetassist.example",
        session_delivery="cookie",
    )
    schemes = document["components"]["securitySchemes"]

    assert document["servers"] == [{"url": "https://session.vetassist.example"}]
    assert {name: scheme["name"] for name, scheme in schemes.items() if "name" in scheme} == {
        "sessionCookie": "__Host-vetassist_session",
        "refreshCookie": "__Secure-vetassist_refresh",
        "handoffCookie": "__Secure-vetassist_handoff",
    }
