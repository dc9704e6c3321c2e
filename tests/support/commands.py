"""Every command of `vetassist`, and arguments that it accepts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import typer.main
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from domain.front_end import SETTINGS_FRONT_END
from entrypoints.cli import app

SOMEBODY: Final = "00000000-0000-4000-8000-000000000001"
SOMETHING: Final = "00000000-0000-4000-8000-000000000002"
AN_ICN: Final = "1012667145V762142"
_REASON: Final = ("--reason", "test")

Words = tuple[str, ...]


def _leaves(command: Any, *words: str) -> Iterator[tuple[Words, Any]]:
    below = getattr(command, "commands", None)
    if below is None:
        yield words, command
        return
    for word, each in below.items():
        yield from _leaves(each, *words, word)


#: Every command by the words that lead to it.
COMMANDS: Final[dict[Words, Any]] = dict(_leaves(typer.main.get_command(app)))
#: Those that run until they are stopped.
SERVERS: Final = {("demo",), ("serve",), ("console",), ("sandbox",)}


def arguments(folder: Path) -> dict[Words, Words]:
    """What to give to each command of an operator; ``folder`` is one that it may write to."""
    key = folder / "key.pem"
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    key.write_bytes(public.public_bytes(serialization.Encoding.PEM, form))
    return {
        ("migrate",): (),
        ("purge",): (),
        ("doctor",): (),
        ("user", "find"): ("ellis",),
        ("user", "show"): (SOMEBODY,),
        ("user", "end-session"): (SOMEBODY, SOMETHING, *_REASON),
        ("user", "unlink"): (SOMEBODY, *_REASON),
        ("user", "change-icn"): (SOMEBODY, AN_ICN, *_REASON),
        ("user", "disable"): (SOMEBODY, *_REASON),
        ("user", "enable"): (SOMEBODY, *_REASON),
        ("user", "sign-out"): (SOMEBODY, *_REASON),
        ("keys", "rewrap"): (),
        ("audit", "seal"): (),
        ("audit", "verify"): (),
        ("audit", "export"): (str(folder / "export"),),
        ("audit", "drop"): (),
        ("audit", "show"): (),
        ("client", "add"): (
            "x",
            "--purpose",
            "veteran_status",
            "--scope",
            "veteran_status.read",
            "--secret",
        ),
        ("client", "rotate-secret"): (SOMEBODY,),
        ("client", "rotate-key"): (SOMEBODY, "--public-key", str(key)),
        ("client", "retire"): (SOMEBODY,),
        ("client", "list"): (),
        ("client", "disable"): (SOMEBODY, *_REASON),
        ("front-end", "add"): ("x", "--url", "https://staging.example.org"),
        ("front-end", "list"): (),
        ("front-end", "show"): (str(SETTINGS_FRONT_END),),
        ("front-end", "change"): (SOMEBODY, *_REASON, "--name", "y"),
        ("front-end", "disable"): (SOMEBODY, *_REASON),
    }
