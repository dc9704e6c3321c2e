#!/usr/bin/env python3
"""Writes docs/reference.md from the code: `make reference`.

The code describes each thing where it defines it. Only tables and problem codes have no such place,
so `reference_words.py` describes them. A thing without a description is an error.
"""

import ast
import asyncio
import inspect
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, fields
from enum import Enum
from itertools import groupby, pairwise
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import jwt
import typer.main
from annotated_types import BaseMetadata, Interval
from starlette.requests import Request
from starlette.routing import Route

from adapters.postgres.application_roles import PRIVILEGES
from adapters.session_tokens.jwt_session_tokens import JWTSessionTokens
from docs.reference_words import MORE_PROBLEMS, PROBLEMS, TABLES
from domain.audit_event import AuditEventType
from domain.front_end import SessionDelivery
from domain.secret import Secret, SecretBytes
from domain.sign_in_failure import SignInFailure
from entrypoints.cli import app
from entrypoints.container import Container
from entrypoints.exit_codes import ExitCode
from entrypoints.settings import PREFIX, SECRETS_DIRECTORY, Settings
from tests.support.builders import a_session, an_icn

DOCUMENT: Final = Path(__file__).with_name("reference.md")


def reference() -> str:
    """Returns the whole document."""
    return (
        "\n".join(
            [
                "# Reference",
                "",
                "Generated from the code by `make reference`. Change the code, not this file.",
                "",
                *_settings(),
                *_commands(),
                *_exit_codes(),
                *_routes(),
                *_error_codes(),
                *_claims(),
                *_tables(),
                *_events(),
            ]
        )
        .rstrip("\n")
        .replace("\n\n\n", "\n\n")
        + "\n"
    )


def _settings() -> Iterator[str]:
    yield from _section(
        "Settings",
        "The service reads them from the environment, or from files of the same names in the "
        f"directory that `{SECRETS_DIRECTORY}` names. The environment wins. An empty value means "
        f"unset. `http` URLs are accepted for loopback hosts only. An unknown `{PREFIX}` name is "
        "an error that names the nearest known one. The rules: "
        "[how settings are read](deployment.md#how-settings-are-read).",
    )
    types = get_type_hints(Settings, include_extras=True)
    meanings = _documented(Settings, [field.name for field in fields(Settings)])
    yield from _table(
        ("Name", "Default", "Values", "Meaning"),
        [
            (
                f"`{PREFIX}{field.name.upper()}`",
                _default(field),
                _values(types[field.name]),
                meanings[field.name],
            )
            for field in fields(Settings)
        ]
        + [(f"`{SECRETS_DIRECTORY}`", "none", "", "A directory with settings as files, one each.")],
    )


def _default(field: Field[object]) -> str:
    """A setting's default as an operator would write it."""
    value = field.default
    if value is MISSING:
        return "required"
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, Enum):
        value = value.value
    return f"`{' '.join(value) if isinstance(value, tuple) else value}`"


def _values(type_: Any) -> str:
    """The accepted values of a setting, or nothing if it takes text."""
    origin, arguments = get_origin(type_), get_args(type_)
    if origin in (Union, UnionType):
        (type_,) = (each for each in arguments if each is not NoneType)
        return _values(type_)
    if origin is Annotated:
        return next(filter(None, map(_bounds, arguments[1:])), "")
    if origin is Literal:
        return ", ".join(f"`{each}`" for each in arguments)
    if type_ is bool:
        return "`true`, `false`"
    if isinstance(type_, type) and issubclass(type_, Enum):
        return ", ".join(f"`{each.value}`" for each in type_)
    return ""


def _bounds(metadata: BaseMetadata) -> str:
    return f"{metadata.ge:,} to {metadata.le:,}" if isinstance(metadata, Interval) else ""


def _commands() -> Iterator[str]:
    yield from _section(
        "Commands",
        "After `make setup` the command is `.venv/bin/vetassist`. What it ends with: "
        "[exit codes](#exit-codes).",
    )
    for name, command in _leaves("vetassist", typer.main.get_command(app)):
        yield from (f"### {name}", "", _said(name, inspect.cleandoc(command.help or "")), "")
        parameters = [each for each in command.params if each.name != "help"]
        if parameters:
            yield from _table(
                ("Argument or option", "Default", "Meaning"),
                [_parameter(name, each) for each in parameters],
            )


def _leaves(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """The commands of a group, and of the groups inside."""
    if not hasattr(command, "commands"):
        yield name, command
        return
    for part, below in sorted(command.commands.items()):
        yield from _leaves(f"{name} {part}", below)


def _parameter(command: str, parameter: Any) -> tuple[str, str, str]:
    is_argument = parameter.param_type_name == "argument"
    name = parameter.name.upper() if is_argument else max(parameter.opts, key=len)
    text = _said(f"{command} {name}", parameter.help)
    if parameter.multiple and "Repeatable" not in text:
        text += " Repeatable."
    default = "none" if parameter.default in (None, ()) else f"`{parameter.default}`"
    if getattr(parameter, "is_flag", False):
        default = ""
    return (
        f"`{name}`",
        "required" if parameter.required else default,
        text,
    )


def _exit_codes() -> Iterator[str]:
    yield from _section("Exit codes")
    meanings = _documented(ExitCode, [code.name for code in ExitCode])
    yield from _table(
        ("Code", "Meaning"), [(str(code.value), meanings[code.name]) for code in ExitCode]
    )


def _routes() -> Iterator[str]:
    yield from _section(
        "Routes",
        "`GET /openapi.json` has the details (OpenAPI 3.1). Every answer has "
        "`Cache-Control: no-store` and an `X-Request-ID`. The JWT is sent in one "
        "`Authorization: Bearer` header or, with `cookie` delivery, in the session cookie, never "
        "in a query. With a cookie, an unsafe method must come from the origin of the front end "
        "or of the service.",
    )
    rows = []
    for path, item in _description()["paths"].items():
        operations = {name: each for name, each in item.items() if "operationId" in each}
        for (summary, more), group in groupby(
            operations.items(), key=lambda each: (each[1]["summary"], each[1].get("description"))
        ):
            same = list(group)
            methods = ", ".join(name.upper() for name, _ in same)
            if len(same) == len(operations) and "patch" in operations:
                methods = "ANY"
            text = ". ".join(filter(None, (summary, more or item.get("description"))))
            statuses = sorted({status for _, each in same for status in each["responses"]})
            rows.append((f"`{methods} {path}`", f"{text.rstrip('.')}.", ", ".join(statuses)))
    yield from _table(("Route", "Meaning", "Answers"), rows)
    yield (
        "If the front end is the service itself, it also serves these pages, and with `cookie` "
        "delivery these forms ([pages.md](pages.md)):"
    )
    yield ""
    yield from _table(
        ("Page", "Meaning"),
        [
            (
                f"`{'POST' if 'POST' in (page.methods or ()) else 'GET'} {page.path}`",
                _said(page.path, inspect.getdoc(page.endpoint)),
            )
            for page in _example().pages().routes
            if isinstance(page, Route)
        ],
    )


def _error_codes() -> Iterator[str]:
    yield from _section(
        "Error codes",
        "A sign-in that ends without a session sends the browser to `/va-error?error=CODE`. "
        "VA's own text is never passed on.",
    )
    meanings = _documented(SignInFailure, [failure.name for failure in SignInFailure])
    yield from _table(
        ("Code", "Meaning"),
        [(f"`{failure.value}`", meanings[failure.name]) for failure in SignInFailure],
    )
    yield from _section(
        "Problem codes",
        "Other errors are `application/problem+json` (RFC 9457), with a `code` and the "
        "`X-Request-ID` as `reference`. A 401 has `WWW-Authenticate: Bearer`, a 503 has "
        "`Retry-After`. The errors of `POST /oauth/token` are those of RFC 6749 "
        "([backends.md](backends.md#when-there-is-no-token)).",
    )
    statuses = _problems(_description())
    unknown = statuses.keys() ^ PROBLEMS.keys()
    if unknown:
        raise ValueError(f"problem codes without a route or a description: {sorted(unknown)}")
    rows = [
        *((int(status), code, PROBLEMS[code]) for code, status in statuses.items()),
        *(row for code, row in MORE_PROBLEMS.items() if code not in statuses),
    ]
    yield from _table(
        ("Code", "Status", "Meaning"),
        [(f"`{code}`", str(status), f"{meaning}.") for status, code, meaning in sorted(rows)],
    )


def _problems(description: Mapping[str, Any]) -> dict[str, str]:
    """The status of each problem code that a route answers with."""
    found: dict[str, str] = {}
    shared = description["components"]["responses"]
    for item in description["paths"].values():
        for operation in item.values():
            if "operationId" not in operation:
                continue
            for status, answer in operation["responses"].items():
                whole = shared[status] if "$ref" in answer else answer
                content = whole.get("content", {}).get("application/problem+json", {})
                for part in content.get("schema", {}).get("allOf", []):
                    for code in part.get("properties", {}).get("code", {}).get("enum", []):
                        found[code] = status
    return found


def _claims() -> Iterator[str]:
    yield from _section("JWT claims")
    session = a_session()
    tokens = _example().session_tokens()
    token = tokens.issue(session, an_icn(), expires_at=session.expires_at).reveal()
    issued = jwt.decode(token, options={"verify_signature": False})
    text = inspect.cleandoc(JWTSessionTokens.issue.__doc__ or "").partition("Claims:\n")[2]
    meanings = dict(re.findall(r"^    (\w+): (.+)$", text, re.MULTILINE))
    if list(meanings) != list(issued):
        raise ValueError(f"claims {list(issued)}, but described: {list(meanings)}")
    yield from _table(
        ("Claim", "Meaning"), [(f"`{name}`", meaning) for name, meaning in meanings.items()]
    )


def _tables() -> Iterator[str]:
    yield from _section(
        "Tables",
        "The last column is what the role of `serve` may do "
        "([two roles](deployment.md#two-roles)).",
    )
    unknown = PRIVILEGES.keys() ^ TABLES.keys()
    if unknown:
        raise ValueError(f"tables without a privilege or a description: {sorted(unknown)}")
    yield from _table(
        ("Table", "What it holds", "The service may"),
        [
            (f"`{name}`", f"{TABLES[name]}.", ", ".join(rights) or "nothing")
            for name, rights in PRIVILEGES.items()
        ],
    )


def _events() -> Iterator[str]:
    yield from _section("Audit events", "The `type` of a row of `vetassist_auth_audit`:")
    meanings = _documented(AuditEventType, [event.name for event in AuditEventType])
    yield from _table(
        ("Type", "Meaning"),
        [(f"`{event.value}`", meanings[event.name]) for event in AuditEventType],
    )


def _section(heading: str, *paragraphs: str) -> Iterator[str]:
    yield from (f"## {heading}", "")
    for paragraph in paragraphs:
        yield from (paragraph, "")


def _table(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(heading)} |"
    yield "|---" * len(heading) + "|"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
    yield ""


def _documented(kind: type, names: list[str]) -> dict[str, str]:
    """What the string below each attribute of a class says."""
    (definition,) = ast.parse(inspect.getsource(kind)).body
    found: dict[str, str] = {}
    body = definition.body if isinstance(definition, ast.ClassDef) else []
    for attribute, below in pairwise(body):
        match attribute, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = text
    return {name: _said(f"{kind.__name__}.{name}", found.get(name)) for name in names}


def _said(name: str, text: str | None) -> str:
    if not text:
        raise ValueError(f"{name} has no description")
    return " ".join(text.split())


def _description() -> dict[str, Any]:
    """The OpenAPI description of a service with every option, which has every answer."""
    answer = asyncio.run(_example().openapi_endpoint().show(Request({"type": "http"})))
    description: dict[str, Any] = json.loads(bytes(answer.body))
    return description


def _example() -> Container:
    """A container of example settings. Nothing in it is opened."""
    key = bytes(range(32))
    return Container(
        settings=Settings(
            database_url=Secret("postgresql://localhost/vetassist"),
            jwt_secret=Secret(key.hex()),
            token_keys={"k1": SecretBytes(key)},
            audit_key=SecretBytes(key),
            va_client_id="example",
            va_client_secret=Secret("example"),
            session_delivery=SessionDelivery.COOKIE,
            app_sign_in=True,
        )
    )


def main() -> None:
    """Writes the document."""
    DOCUMENT.write_text(reference())


if __name__ == "__main__":
    main()
