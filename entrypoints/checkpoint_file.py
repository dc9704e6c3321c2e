"""Checkpoints that were written to a file outside the database."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import final

from domain.audit_seal import SealedBatch, SelfContradictionError


def checkpoint_in(line: str) -> SealedBatch:
    """The checkpoint in a line, authentic or not. A log collector's text may precede the JSON.

    Raises:
        ValueError: The line has no checkpoint.
    """
    try:
        return SealedBatch.from_record(json.loads(line[max(line.find("{"), 0) :]))
    except (RecursionError, OverflowError) as fault:
        raise ValueError("no checkpoint") from fault


class UnreadableFileError(Exception):
    """A file with checkpoints can't be read. The message is one line."""


@final
class CheckpointFile:
    """The checkpoints in a file, one on each line.

    Attributes:
        usable: How many lines read so far have a checkpoint, authentic or not.
        odd: How many have none, such as the last line of a process that was killed.
    """

    def __init__(self, file: Path) -> None:
        self.path = file
        self.usable = 0
        self.odd = 0

    def __iter__(self) -> Iterator[SealedBatch | SelfContradictionError]:
        """Yields what each line claims to be. Yields nothing if the file doesn't exist.

        Raises:
            UnreadableFileError: The file can't be read.
        """
        try:
            if not self.path.exists():
                return
            with self.path.open(encoding="utf-8", errors="replace") as lines:
                yield from self._checkpoints(lines)
        except OSError as error:
            raise UnreadableFileError(f"{self.path}: {error.strerror}") from error

    def _checkpoints(self, lines: Iterable[str]) -> Iterator[SealedBatch | SelfContradictionError]:
        for line in lines:
            if not line.strip():
                continue
            try:
                batch = checkpoint_in(line)
            except SelfContradictionError as contradiction:
                yield contradiction
            except ValueError:
                self.odd += 1
            else:
                self.usable += 1
                yield batch
