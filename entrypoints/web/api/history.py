"""The operations on the caller's history."""

from typing import Final

from entrypoints.web.api.access import Access
from entrypoints.web.api.parts import (
    JSON,
    LANGUAGE,
    SESSION,
    answer,
    json_answer,
    operation,
    problem,
    query,
)

_EXPORT: Final = answer(
    "Newest first.",
    headers=LANGUAGE
    | {
        "Content-Disposition": {
            "description": "The name of the file.",
            "required": True,
            "schema": {"type": "string", "pattern": "^attachment; "},
        }
    },
    content={
        "application/json": {"schema": {"$ref": "#/components/schemas/HistoryFile"}},
        "text/csv": {"schema": {"type": "string"}},
    },
)


def uses(access: Access) -> JSON:
    """Uses of the caller's VA tokens."""
    return {
        "get": operation(
            "listUses",
            "Which back ends used the caller's VA tokens, and what for",
            tag=SESSION,
            security=access.signed_in,
            parameters=[
                query(
                    "after",
                    {"type": "string", "maxLength": 200},
                    "The `next` of the previous page.",
                )
            ],
            responses={
                "200": json_answer("Newest first.", "Uses", headers=LANGUAGE),
                "400": problem("`after` is not from a previous page.", "bad_request"),
            }
            | access.refusals,
        )
    }


def events(access: Access) -> JSON:
    """The caller's history, page by page."""
    return {
        "get": operation(
            "listHistory",
            "What happened to the caller's account, in plain words",
            tag=SESSION,
            security=access.signed_in,
            parameters=[
                query(
                    "after",
                    {"type": "string", "maxLength": 200},
                    "The `next` of the previous page.",
                )
            ],
            responses={
                "200": json_answer("Newest first.", "History", headers=LANGUAGE),
                "400": problem("`after` is not from a previous page.", "bad_request"),
            }
            | access.refusals,
        )
    }


def export(access: Access) -> JSON:
    """The caller's history as a file."""
    return {
        "get": operation(
            "exportHistory",
            "All of the caller's history as a file",
            tag=SESSION,
            security=access.signed_in,
            parameters=[
                query(
                    "format",
                    {"type": "string", "enum": ["json", "csv"], "default": "json"},
                    "The format of the file.",
                )
            ],
            responses={
                "200": _EXPORT,
                "400": problem("`format` has another value.", "bad_request"),
            }
            | access.refusals,
        )
    }
