"""The operations for orchestrators and developers."""

from typing import Final

from entrypoints.web.api.parts import JSON, OPERATION, answer, json_answer, operation
from entrypoints.web.api.responses import without_bodies

_ALIVE: Final[JSON] = {"200": json_answer("It does.", "Alive")}
_READY: Final[JSON] = {
    "200": json_answer("Requests can be served.", "Ready"),
    "503": answer(
        "Requests can't be served. The failing checks say why.",
        headers={"Retry-After": {"$ref": "#/components/headers/Retry-After"}},
        content={"application/problem+json": {"schema": {"$ref": "#/components/schemas/NotReady"}}},
    ),
}
DESCRIPTION: Final = operation(
    "showDescription",
    "This description",
    tag=OPERATION,
    responses={
        "200": answer("OpenAPI 3.1.", content={"application/json": {"schema": {"type": "object"}}})
    },
)


def _polled(name: str, summary: str, responses: JSON) -> JSON:
    """An orchestrator's check, by GET or by HEAD."""
    return {
        "get": operation(name, summary, tag=OPERATION, responses=responses),
        "head": operation(
            f"{name}Head", summary, tag=OPERATION, responses=without_bodies(responses)
        ),
    }


def alive() -> JSON:
    """Whether the process answers."""
    return _polled("alive", "Whether the process answers", _ALIVE)


def ready() -> JSON:
    """Whether the service can serve."""
    return _polled("ready", "Whether it can serve", _READY)
