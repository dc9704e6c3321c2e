"""Registered back ends as an operator reads them."""

import json
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from domain.service_client import ServiceClient

_ID_WIDTH: Final = 36


def print_table(clients: Sequence[ServiceClient]) -> None:
    """Print a table for people."""
    table = Table()
    for heading in ("Name", "Client", "Method", "Purposes", "Scopes", "Disabled"):
        # Ids are copied from here, so an id stays on one line and the other columns give way.
        is_id = heading == "Client"
        table.add_column(
            heading, overflow="fold", no_wrap=is_id, min_width=_ID_WIDTH if is_id else None
        )
    for each in clients:
        # As Text, because a name may contain what rich would read as markup.
        table.add_row(
            Text(each.name),
            str(each.id),
            each.method.value,
            "\n".join(sorted(each.purposes)),
            Text("\n".join(sorted(each.scopes))),
            "" if each.disabled_at is None else f"{each.disabled_at:%Y-%m-%d %H:%M} UTC",
        )
    Console().print(table)


def as_json_text(clients: Sequence[ServiceClient]) -> str:
    """A JSON array for scripts."""
    return json.dumps([_as_json(each) for each in clients], indent=2)


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
