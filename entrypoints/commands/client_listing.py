"""Registered back ends as an operator reads them."""

import json
from collections.abc import Sequence

from domain.service_client import ServiceClient
from entrypoints.commands import tables

_HEADINGS = ("Client", "Name", "Method", "Purposes", "Scopes", "Disabled")


def print_table(clients: Sequence[ServiceClient]) -> None:
    """Print a table for people."""
    tables.print_table(_HEADINGS, [_record(each) for each in clients])


def as_json_text(clients: Sequence[ServiceClient]) -> str:
    """A JSON array for scripts."""
    return json.dumps([_as_json(each) for each in clients], indent=2)


def _record(client: ServiceClient) -> Sequence[tables.Cell]:
    disabled_at = client.disabled_at
    return (
        str(client.id),
        client.name,
        client.method.value,
        sorted(client.purposes),
        sorted(client.scopes),
        "" if disabled_at is None else f"{disabled_at:%Y-%m-%d %H:%M} UTC",
    )


def _as_json(client: ServiceClient) -> dict[str, object]:
    disabled_at = client.disabled_at
    return {
        "client_id": str(client.id),
        "name": client.name,
        "method": client.method.value,
        "purposes": sorted(client.purposes),
        "scopes": sorted(client.scopes),
        "keys": [key.id for key in client.keys],
        "created_at": client.created_at.isoformat(),
        "disabled_at": None if disabled_at is None else disabled_at.isoformat(),
    }
