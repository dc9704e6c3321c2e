"""The commands of the documentation that are meant to run beside the demo."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.processes import REPOSITORY

#: In front of a block that runs beside the demo, and of one that then runs until the end.
BESIDE: Final = "<!-- beside the demo -->"
UNTIL_THE_END: Final = "<!-- beside the demo, until the end -->"
#: In front of a block that names the command but needs something else.
NOT_BESIDE: Final = "<!-- not beside the demo -->"

_BLOCK: Final = re.compile(r"^(?:(<!-- [^\n]+ -->)\n)?```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)
#: A command of an operator or a back end. `venv/bin/vetassist` is that of a deployment.
_OF_OURS: Final = re.compile(
    r"(^|\s)vetassist (?=[a-z])|examples[./]|http://(localhost|127\.0\.0\.1):[0-9]", re.MULTILINE
)


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block of shell commands in a document.

    Attributes:
        marker: The comment in front of it, or nothing.
    """

    document: str
    marker: str
    text: str

    @property
    def needs_marker(self) -> bool:
        return _OF_OURS.search(re.sub("#.*", "", self.text)) is not None


def documents() -> list[Path]:
    """What operators and developers of back ends read."""
    return [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


def blocks(document: Path) -> Iterator[Block]:
    """Every block of shell commands, in order."""
    for marker, text in _BLOCK.findall(document.read_text()):
        name = document.relative_to(REPOSITORY).as_posix()
        yield Block(document=name, marker=marker, text=text)


def script_of(document: Path) -> str:
    """The blocks of a document that run beside the demo, as one script.

    A block that runs until the end is a server. The script goes on when it answers, and ends it.
    """
    parts = []
    for block in blocks(document):
        if block.marker == BESIDE:
            parts.append(block.text)
        elif block.marker == UNTIL_THE_END:
            (port,) = re.findall(r"--port ([0-9]+)", block.text)
            parts.append(
                f"{block.text.strip()} >&2 &\n"
                'trap "kill $! && wait $! || true" EXIT\n'
                f"until curl --silent --output /dev/null http://localhost:{port}/; do\n"
                "  kill -0 $!; sleep 0.1\n"
                "done\n"
            )
    return "".join(parts)
