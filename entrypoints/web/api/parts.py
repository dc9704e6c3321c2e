"""Parts of an OpenAPI description that every subject uses."""

from typing import Any, Final

from entrypoints.web.languages import Language

JSON = dict[str, Any]

SIGN_IN: Final = "Sign-in"
SESSION: Final = "Session"
BACK_ENDS: Final = "For back ends and proxies"
OPERATION: Final = "Operation"

_ALWAYS: Final = ("Cache-Control", "X-Request-ID")
HEADERS: Final[JSON] = {
    "Cache-Control": {"required": True, "schema": {"const": "no-store"}},
    "X-Request-ID": {
        "description": "The id of the request in our log.",
        "required": True,
        "schema": {"type": "string"},
    },
    "WWW-Authenticate": {
        "description": "RFC 6750, section 3.",
        "required": True,
        "schema": {"type": "string", "pattern": "^Bearer "},
    },
    "Retry-After": {
        "description": "Seconds.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
}
SET_COOKIE: Final[JSON] = {
    "Set-Cookie": {"description": "One field for each cookie.", "schema": {"type": "string"}}
}
COOKIES_CLEARED: Final[JSON] = {
    "Set-Cookie": {
        "description": "Clears the cookies if the session of the request has ended.",
        "schema": {"type": "string"},
    }
}

#: Printable ASCII, as in all of our tokens and codes.
TEXT: Final[JSON] = {"type": "string", "pattern": "^[ -~]*$", "maxLength": 1024}
UUID: Final[JSON] = {"type": "string", "format": "uuid"}


def operation(name: str, summary: str, *, tag: str, responses: JSON, **more: Any) -> JSON:
    """One operation: a route and a method."""
    return {"operationId": name, "summary": summary, "tags": [tag], **more, "responses": responses}


def query(name: str, schema: JSON, description: str) -> JSON:
    """A parameter of the query."""
    return {"name": name, "in": "query", "description": description, "schema": schema}


#: The language of the texts, which `Accept-Language` or the visitor's choice decides.
LANGUAGE: Final[JSON] = {
    "Content-Language": {
        "description": "The language of the texts. `Accept-Language` asks for one.",
        "required": True,
        "schema": {"type": "string", "enum": [language.value for language in Language]},
    }
}


def answer(description: str, *, headers: JSON | None = None, **content: JSON) -> JSON:
    """A response with the headers that each response has."""
    always = {name: {"$ref": f"#/components/headers/{name}"} for name in _ALWAYS}
    return {"description": description, "headers": always | (headers or {}), **content}


def json_answer(description: str, schema: str, *, headers: JSON | None = None) -> JSON:
    """A response with a JSON body of one of the schemas."""
    reference = {"$ref": f"#/components/schemas/{schema}"}
    return answer(description, headers=headers, content={"application/json": {"schema": reference}})


def problem(description: str, *codes: str, headers: tuple[str, ...] = ()) -> JSON:
    """An error response whose ``code`` is one of ``codes``."""
    schema = {
        "allOf": [
            {"$ref": "#/components/schemas/Problem"},
            {"properties": {"code": {"enum": list(codes)}}},
        ]
    }
    return answer(
        description,
        headers={name: {"$ref": f"#/components/headers/{name}"} for name in headers},
        content={"application/problem+json": {"schema": schema}},
    )


def refs(*statuses: str) -> JSON:
    """References to shared responses, by status."""
    return {status: {"$ref": f"#/components/responses/{status}"} for status in statuses}


def instant(description: str) -> JSON:
    """The schema of an instant."""
    return {"type": "string", "format": "date-time", "description": description}


def object_of(properties: JSON, *, optional: tuple[str, ...] = ()) -> JSON:
    """The schema of an object whose properties are required, except ``optional``."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }
